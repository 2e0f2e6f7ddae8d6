import { expect, setDefaultTimeout, test } from 'bun:test'
import { isReady, startKagami } from './kagami.ts'

setDefaultTimeout(120_000)

test('the program serves, ends at SIGTERM with exit status 0, and comes back on its data after SIGKILL', async () => {
  const first = await startKagami()
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200)
  expect(await first.stop()).toBe(0)
  expect(await isReady(first.url)).toBe(false)
  const { dataDirectory, port } = first
  const second = await startKagami({ dataDirectory, port })
  expect([second.url, await second.kill()]).toEqual([first.url, 137])
  const third = await startKagami({ dataDirectory, port })
  expect(await third.stop()).toBe(0)
})

test('a server that cannot start is an error with what the program said', async () => {
  const running = await startKagami()
  await expect(startKagami({ port: running.port })).rejects.toThrow('KAGAMI_LISTEN')
  await expect(startKagami({ dataDirectory: running.dataDirectory })).rejects.toThrow('ended with')
  await running.stop()
})

test('the command line talks to the server that was started', async () => {
  const kagami = await startKagami()
  const input = `${kagami.owner.password}\n`
  const login = await kagami.cli(['login', '--username', kagami.owner.username, '--password-stdin'], { input })
  expect([login.exitCode, login.stderr]).toEqual([0, expect.any(String)])
  const list = await kagami.cli(['mirror', 'list', '--json'])
  expect([list.exitCode, JSON.parse(list.stdout)]).toEqual([0, { mirrors: [], next: null }])
  await kagami.stop()
})
