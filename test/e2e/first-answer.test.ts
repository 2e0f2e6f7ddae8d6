// A client that knocks from before the start on: refused connections, then answers, and none of them "come back later".
import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { plainEnvironment } from '../support/command.ts'
import { kagamiProgram } from '../support/kagami.ts'
import { freePort, temporaryDirectory } from '../support/process.ts'
import { reapGroup } from '../support/reaper.ts'

setDefaultTimeout(60_000)

let child: ChildProcess | undefined
afterEach(async () => {
  if (child?.pid === undefined || child.exitCode !== null) return
  const ended = once(child, 'exit')
  process.kill(-child.pid, 'SIGTERM')
  await ended
})

function serve(port: number, args: readonly string[], sample: number): ChildProcess {
  const directory = temporaryDirectory('first-answer')
  const started = spawn(kagamiProgram, ['serve', ...args], {
    cwd: directory.path,
    env: {
      ...plainEnvironment(),
      KAGAMI_DATA: join(directory.path, 'data'),
      KAGAMI_LISTEN: `127.0.0.1:${port}`,
      KAGAMI_SAMPLE: `127.0.0.1:${sample}`,
      KAGAMI_OWNER_PASSWORD: 'correct horse battery staple',
    },
    detached: true,
    stdio: 'ignore',
  })
  if (started.pid !== undefined) reapGroup(started.pid)
  return started
}

/** The status line's number; undefined while nobody listens. */
function knock(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.on('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`))
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve(undefined) : reject(error),
    )
    socket.on('close', () => resolve(text === '' ? undefined : Number(text.split(' ')[1])))
  })
}

async function firstAnswer(port: number, path: string): Promise<number> {
  for (;;) {
    const status = await knock(port, path)
    if (status !== undefined) return status
    if (child?.exitCode !== null) throw new Error('the server has ended')
  }
}

test('the first answers of a start are those of a server that serves, /readyz included', async () => {
  const port = await freePort()
  child = serve(port, [], await freePort())
  const paths = { '/v2/': 401, '/token': 200, '/healthz': 200, '/readyz': 200, '/api/v1/user': 401 }
  const got = await Promise.all(Object.keys(paths).map(async (path) => [path, await firstAnswer(port, path)] as const))
  expect(Object.fromEntries(got)).toEqual(paths)
})

test('with the sample too, where only /readyz says 503 until the sample can be pulled', async () => {
  const [port, sample] = [await freePort(), await freePort()]
  child = serve(port, ['--sample'], sample)
  const got = await Promise.all([
    firstAnswer(port, '/v2/'),
    firstAnswer(port, '/healthz'),
    firstAnswer(sample, '/v2/'),
    firstAnswer(port, '/readyz'),
  ])
  expect(got.slice(0, 3)).toEqual([401, 200, 401])
  expect([200, 503]).toContain(got[3])
  while ((await knock(port, '/readyz')) !== 200) if (child.exitCode !== null) throw new Error('the server has ended')
})
