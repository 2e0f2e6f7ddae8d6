import { printableLine, printableText } from '../lib/printable.ts'

/** Where a command writes: its document or its answer on standard output, everything else on standard error. */
export interface Terminal {
  /** Standard error is a terminal: progress is painted in place. */
  readonly isInteractive: boolean
  /** Columns of the terminal; for cutting what is painted in place. */
  readonly columns: number
  /** The answer, with a line end. */
  print(text: string): void
  /** Everything that is not the answer, with a line end. */
  note(text: string): void
  /** Replaces the line painted last; an empty text removes it. Only where `isInteractive`. */
  paint(line: string): void
  /** All of standard input, for secrets. */
  readInput(): Promise<string>
}

const CLEAR_LINE = '\r\u001b[K'

/** Nothing that came from elsewhere moves a terminal's cursor, hides or reorders text, or links: all that is written passes here. */
export function printing(terminal: Terminal): Terminal {
  return {
    get isInteractive() {
      return terminal.isInteractive
    },
    get columns() {
      return terminal.columns
    },
    print: (text) => terminal.print(printableText(text)),
    note: (text) => terminal.note(printableText(text)),
    paint: (line) => terminal.paint(printableLine(line)),
    readInput: () => terminal.readInput(),
  }
}

/** The process's own streams. */
export function processTerminal(): Terminal {
  let painted = false
  const unpaint = () => {
    if (painted) process.stderr.write(CLEAR_LINE)
    painted = false
  }
  return {
    isInteractive: process.stderr.isTTY === true,
    get columns() {
      return process.stderr.columns ?? 80
    },
    print(text) {
      unpaint()
      process.stdout.write(`${text}\n`)
    },
    note(text) {
      unpaint()
      process.stderr.write(`${text}\n`)
    },
    paint(line) {
      unpaint()
      if (line === '') return
      process.stderr.write(line)
      painted = true
    },
    readInput: () => Bun.stdin.text(),
  }
}
