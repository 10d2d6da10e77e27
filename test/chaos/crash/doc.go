// Package crash holds a test that stops the pipeline at every boundary of its
// steps, lets the process die there or go on without its answer, has another
// take over that is stopped likewise, and checks what the third one leaves behind.
package crash
