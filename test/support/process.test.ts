import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, startDaemon, temporaryDirectory } from './process.ts'

setDefaultTimeout(60_000)

/** Waits, by asking, for something that another process does. */
async function until(condition: () => boolean) {
  while (!condition()) await Bun.sleep(10)
}

/** Whether the process group has a process that is more than a zombie: who collects those is the machine's affair. */
function groupLives(pid: number): boolean {
  return readdirSync('/proc').some((name) => {
    const path = `/proc/${name}/stat`
    if (!/^\d+$/.test(name) || !existsSync(path)) return false
    try {
      // `PID (NAME) STATE PPID PGRP …`, proc(5); a name may hold anything.
      const [state, , group] = readFileSync(path, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return Number(group) === pid && state !== 'Z'
    } catch {
      return false
    }
  })
}

const shell = (script: string, ready: (daemon: Daemon) => boolean, readyTimeoutMs = 30_000) =>
  startDaemon({ command: 'sh', args: ['-c', script], ready: async (daemon) => ready(daemon), readyTimeoutMs })

describe('a daemon of a test', () => {
  test('is ready when it says so, and its output is kept', async () => {
    const daemon = await shell(
      'echo up; echo careful >&2; sleep 1000',
      ({ stdout, stderr }) => stdout() + stderr() !== '',
    )
    await until(() => daemon.stdout() === 'up\n' && daemon.stderr() === 'careful\n')
    expect(await daemon.kill()).toBe(137)
    expect(daemon.running()).toBe(false)
  })

  test('that ends before it is ready is an error with its exit code and output', async () => {
    await expect(shell('echo no such setting >&2; exit 3', () => false)).rejects.toThrow(
      /ended with 3[\s\S]*no such setting/,
    )
  })

  test('that is never ready is killed and an error', async () => {
    await expect(shell('echo waiting; sleep 1000', () => false, 200)).rejects.toThrow(/not ready in time[\s\S]*waiting/)
  })

  test('is stopped by SIGTERM, and by SIGKILL when it ignores that', async () => {
    const polite = await shell(
      'trap "exit 7" TERM; echo up; while :; do sleep 0.01; done',
      ({ stdout }) => stdout() !== '',
    )
    expect(await polite.stop()).toBe(7)
    const deaf = await shell('trap "" TERM; echo up; while :; do sleep 0.01; done', ({ stdout }) => stdout() !== '')
    expect(await deaf.stop(100)).toBe(137)
  })

  test('takes its own children along when it is killed', async () => {
    const daemon = await shell('sleep 1000 & sleep 1000 & echo up; wait', ({ stdout }) => stdout() !== '')
    await daemon.kill()
    await until(() => !groupLives(daemon.pid))
  })

  test('and its directory are gone after the test process itself was killed', async () => {
    using directory = temporaryDirectory('killed')
    const script = `
      import { startDaemon, temporaryDirectory } from ${JSON.stringify(join(import.meta.dir, 'process.ts'))}
      const directory = temporaryDirectory('reaped')
      const daemon = await startDaemon({ command: 'sleep', args: ['1000'], ready: async () => true })
      console.log(JSON.stringify({ pid: daemon.pid, path: directory.path }))
      await daemon.exited`
    const env = { ...process.env, TMPDIR: directory.path }
    const victim = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', env })
    let line = ''
    for await (const chunk of victim.stdout) {
      line += new TextDecoder().decode(chunk)
      if (line.includes('\n')) break
    }
    const { pid, path }: { pid: number; path: string } = JSON.parse(line)
    expect([groupLives(pid), existsSync(path)]).toEqual([true, true])
    victim.kill('SIGKILL')
    await until(() => !groupLives(pid) && !existsSync(path))
  })
})
