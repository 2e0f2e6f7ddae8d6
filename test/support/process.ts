// Real programs under test: started in a process group of their own, awaited until ready, never left behind.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainEnvironment } from './command.ts'
import { forgetGroup, reapDirectory, reapGroup } from './reaper.ts'

export interface Daemon {
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Settles when the program has ended, with its exit code (128 + number when a signal ended it). */
  readonly exited: Promise<number>
  running(): boolean
  /** SIGTERM to the group, SIGKILL after `graceMs`; resolves when it has ended. */
  stop(graceMs?: number): Promise<number>
  /** SIGKILL to the whole group at once. */
  kill(): Promise<number>
}

export interface DaemonOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  /** Added to the plain environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Asked again and again until true. */
  readonly ready: (daemon: Daemon) => Promise<boolean>
  readonly readyTimeoutMs?: number
}

const signalNumbers: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

function signalGroup(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is gone already.
  }
}

function watch(child: ChildProcess, pid: number): Daemon {
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString()
  })
  let running = true
  const exited = new Promise<number>((resolve) => {
    child.on('close', (code, signal) => {
      running = false
      // What the program itself left running in its group ends with it.
      signalGroup(pid, 'SIGKILL')
      forgetGroup(pid)
      resolve(code ?? 128 + (signalNumbers[signal ?? ''] ?? 0))
    })
  })
  const end = (signal: NodeJS.Signals) => {
    if (running) signalGroup(pid, signal)
    return exited
  }
  return {
    pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    running: () => running,
    stop: async (graceMs = 10_000) => {
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
      try {
        return await end('SIGTERM')
      } finally {
        clearTimeout(timer)
      }
    },
    kill: () => end('SIGKILL'),
  }
}

/**
 * Starts a program and waits until it is ready.
 * @throws Error with the program's output when it ends or is not ready in time (60 s unless told)
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...plainEnvironment(), ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  const pid = child.pid
  if (pid === undefined) throw new Error(`${options.command} has no process id`)
  reapGroup(pid)
  const daemon = watch(child, pid)
  const deadline = Date.now() + (options.readyTimeoutMs ?? 60_000)
  while (!(await options.ready(daemon))) {
    const late = Date.now() > deadline
    if (daemon.running() && !late) {
      await Bun.sleep(20)
      continue
    }
    const said = `\nstdout: ${daemon.stdout().slice(-4000)}\nstderr: ${daemon.stderr().slice(-4000)}`
    const code = late ? await daemon.kill() : await daemon.exited
    throw new Error(`${options.command} ${late ? 'was not ready in time' : `ended with ${code}`}${said}`)
  }
  return daemon
}

/** True when something answers HTTP at the address, whatever the status. */
export async function answersHttp(url: string, init: BunFetchRequestInit = {}): Promise<boolean> {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return true
  } catch {
    return false
  }
}

/** Whether nothing listens on the port of 127.0.0.1. */
function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, for programs that cannot pick one themselves. It lies below the ports that
 * the system gives to outgoing connections (32768 and up on Linux), so no request takes it before the program does.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (await canListen(port)) return port
  }
  throw new Error('want a free port between 20000 and 32000, got none in 100 tries')
}

/** A new directory under the system's temporary one; `remove` it, or declare it with `using`. */
export function temporaryDirectory(label: string): { path: string; remove: () => void } & Disposable {
  const path = mkdtempSync(join(tmpdir(), `kagami-${label}-`))
  reapDirectory(path)
  const remove = () => rmSync(path, { recursive: true, force: true })
  return { path, remove, [Symbol.dispose]: remove }
}
