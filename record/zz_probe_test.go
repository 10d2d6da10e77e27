package record
import ("testing";"os";"bufio";"fmt";"unicode")
func TestProbe(t *testing.T){
 f,_:=os.Create("/tmp/probe.txt"); w:=bufio.NewWriter(f)
 for r:=rune(0);r<=0x10ffff;r++{ if r>=0xd800&&r<0xe000{continue}
  m,ok:=mapDomain(string(r))
  cn := unicode.Is(unicode.Cn,r)
  fmt.Fprintf(w,"%x\t%v\t%x\t%v\t%v\n",r,ok,m,permitted(r),cn)
 }
 w.Flush(); f.Close()
}
