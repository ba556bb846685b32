// Turns text into capitals: a plain program from standard input to standard output.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := shout(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func shout(input io.Reader, output io.Writer) error {
	writer := bufio.NewWriterSize(output, 64<<10)
	block := make([]byte, 64<<10)
	for {
		count, err := input.Read(block)
		for i, b := range block[:count] {
			if b >= 'a' && b <= 'z' {
				block[i] = b - 32
			}
		}
		if _, err := writer.Write(block[:count]); err != nil {
			return err
		}
		if err == io.EOF {
			return writer.Flush()
		}
		if err != nil {
			return err
		}
	}
}
