package store_test
import ("testing";"context";"time";"fmt";"ingestion/internal/faulty";"go.mongodb.org/mongo-driver/v2/bson")
func TestZZ(t *testing.T){
 f:=newFixture(t,faulty.Options{})
 c:=collectionAt(t,"mongodb://ali:x@"+f.server.Addr())
 for range 3 { ctx,cancel:=context.WithTimeout(t.Context(),500*time.Millisecond)
 err:=c.Database().RunCommand(ctx,bson.D{{Key:"ping",Value:1}}).Err(); cancel()
 fmt.Printf("%T %v\n",err,err)}
 fmt.Println(f.server.Count("hello"),f.server.Count("saslStart"))
}
