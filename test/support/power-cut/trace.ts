// What a real process asked of the system, as strace saw it: file operations below one directory, and what left by sockets.
import { readFileSync } from 'node:fs'

/** Calls that change files, say that they are durable, or send. Everything else of the process runs at full speed (--seccomp-bpf). */
const TRACED = [
  ...['open', 'openat', 'creat', 'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'ftruncate', 'truncate'],
  ...['copy_file_range', 'fallocate', 'fsync', 'fdatasync', 'sync_file_range', 'rename', 'renameat', 'renameat2'],
  ...['link', 'linkat', 'unlink', 'unlinkat', 'rmdir', 'mkdir', 'mkdirat', 'symlink', 'symlinkat', 'sendfile'],
  ...['sendto', 'sendmsg'],
]
/** Longer writes would be cut in the trace, and are an error when it is read. */
const MAX_WRITE_BYTES = 4 * 1024 * 1024

export const haveStrace: boolean =
  Bun.which('strace') !== null && Bun.spawnSync(['strace', '-f', '--seccomp-bpf', '-o', '/dev/null', 'true']).success

/** The command that runs a program under strace. */
export function straceCommand(output: string): string[] {
  const what = ['-e', `trace=${TRACED.join(',')}`, '-e', 'signal=none']
  return ['strace', '-f', '--seccomp-bpf', '-qq', '-y', '-xx', '-s', String(MAX_WRITE_BYTES), '-o', output, ...what]
}

/** One call that succeeded. What it did was done somewhere between its two lines. */
export interface Call {
  readonly name: string
  /** Lines of the trace, counted from 0. */
  readonly begun: number
  readonly ended: number
  readonly args: readonly Arg[]
  /** What it returned, and the path of a descriptor that it opened. */
  readonly result: number
}

/** A text or bytes, a descriptor with its path, or what else stands there. */
export interface Arg {
  readonly raw: string
  readonly bytes?: Buffer
  readonly fd?: number
  /** Of the descriptor, as the kernel names it. */
  readonly path?: string
}

/** @throws Error for a line that it does not understand */
export function readTrace(path: string): Call[] {
  const calls: Call[] = []
  const open = new Map<string, { readonly begun: number; readonly text: string }>()
  const lines = readFileSync(path, 'latin1').split('\n')
  for (const [at, line] of lines.entries()) {
    const space = line.indexOf(' ')
    const thread = line.slice(0, space)
    const text = line.slice(space).trim()
    if (text === '' || text.startsWith('+++') || text.startsWith('---')) continue
    if (text.endsWith('<unfinished ...>')) {
      open.set(thread, { begun: at, text: text.slice(0, -'<unfinished ...>'.length).trimEnd() })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text)
    const first = resumed === null ? undefined : open.get(thread)
    const whole = resumed === null ? text : `${first?.text ?? ''}${text.slice(resumed[0].length)}`
    open.delete(thread)
    const call = readCall(whole, first?.begun ?? at, at)
    if (call !== undefined) calls.push(call)
  }
  return calls
}

function readCall(text: string, begun: number, ended: number): Call | undefined {
  const head = /^(\w+)\(/.exec(text)
  const tail = /\)\s*= (-?\d+)(?:<[^>]*>)?(?: .*)?$/.exec(text)
  // The process was killed in it.
  if (head === null || tail === null) return undefined
  const result = Number(tail[1])
  if (result < 0) return undefined
  return { name: head[1] ?? '', begun, ended, args: readArgs(text.slice(head[0].length, tail.index)), result }
}

function readArgs(text: string): Arg[] {
  const args: Arg[] = []
  // A text, a descriptor, or anything up to the next comma; lists of buffers keep their inner ones.
  for (const [, quoted, cut, fd, path, other] of text.matchAll(
    /"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|(AT_FDCWD|\d+)<((?:[^>])*)>|([^,"<>\s][^,"<>]*)/g,
  )) {
    if (cut !== undefined) throw new Error('the trace has a write that is cut: want smaller ones')
    if (quoted !== undefined) args.push({ raw: '', bytes: Buffer.from(quoted.replaceAll('\\x', ''), 'hex') })
    else if (path !== undefined) args.push({ raw: fd ?? '', fd: Number(fd), path: decode(path) })
    else args.push({ raw: (other ?? '').trim() })
  }
  return args
}

function decode(hex: string): string {
  return hex.replace(/(?:\\x[0-9a-f]{2})+/g, (run) => Buffer.from(run.replaceAll('\\x', ''), 'hex').toString())
}
