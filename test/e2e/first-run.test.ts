// The first run as an operator sees it: what is printed, what a kill leaves, and what later starts and `kagami user link` print.
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { runCommand } from '../support/command.ts'
import { type Kagami, kagamiProgram, startKagami } from '../support/kagami.ts'

setDefaultTimeout(120_000)

const ANN = { username: 'ann', password: 'a very secret password' }
const LINK = /^ {2}(http:\/\/127\.0\.0\.1:\d+)\/enter#(kgm_lnk_\w+)$/m

const started: Kagami[] = []
afterAll(() => Promise.all(started.map((kagami) => kagami.kill())))

async function start(...[o]: Parameters<typeof startKagami>): Promise<Kagami> {
  // No password is set.
  const kagami = await startKagami({ ...o, env: { KAGAMI_OWNER_PASSWORD: '' } })
  started.push(kagami)
  return kagami
}

/** All that the start prints. */
async function welcome(kagami: Kagami): Promise<string> {
  const deadline = Date.now() + 60_000
  while (!kagami.stdout().includes('Ctrl-C')) {
    if (!kagami.running() || Date.now() > deadline) throw new Error(`no welcome:\n${kagami.stdout()}`)
    await Bun.sleep(10)
  }
  return kagami.stdout()
}

function post(url: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', origin: url }
  return fetch(`${url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

test('serve --setup prints a code, anew at each start, until one has made the owner', async () => {
  const args = ['--setup']
  const first = await start({ args })
  const printed = await welcome(first)
  const code = /^ {2}http:\/\/127\.0\.0\.1:\d+\/setup#([A-Z-]+)$/m.exec(printed)?.[1] ?? ''
  expect([printed.split(code).length, /Password|login/.test(printed)]).toEqual([3, false])
  await first.kill()
  const { dataDirectory, port } = first
  const second = await start({ args, dataDirectory, port })
  const other = /setup#([A-Z-]+)$/m.exec(await welcome(second))?.[1]
  expect(other).not.toBe(code)
  // What was printed before the kill serves still, beside the new one.
  const body = { code, organization: 'harbour', ...ANN }
  const made = post(second.url, '/setup', body).then(
    (answer) => answer.status,
    () => 'cut',
  )
  // Whatever comes of it, a kill leaves an owner with an organization, or neither.
  await second.kill()
  const status = await made
  const third = await start({ args, dataDirectory, port })
  const after = await welcome(third)
  if (after.includes('/setup#')) {
    expect(status).toBe('cut')
    expect((await post(third.url, '/setup', body)).status).toBe(201)
  } else expect([201, 'cut']).toContain(status)
  const headers = { authorization: `Basic ${btoa(`${ANN.username}:${ANN.password}`)}` }
  const organizations = await (await fetch(`${third.url}/api/v1/organizations`, { headers })).json()
  expect(organizations).toMatchObject({ organizations: [{ name: 'harbour', role: 'owner' }] })
  expect((await post(third.url, '/setup', { ...body, code: other })).status).toBe(404)
  await third.stop()
  // Who was made there is whom later starts name.
  const env = { KAGAMI_DATA: dataDirectory }
  expect(JSON.parse((await third.cli(['user', 'link', '--json'], { env })).stdout).username).toBe('ann')
})

test('the first start prints a link, user link prints others, and each opens once; a set password prints none', async () => {
  const kagami = await start()
  const [, url = '', secret = ''] = LINK.exec(await welcome(kagami)) ?? []
  const enter = async (text: string) => (await post(url, '/user/sessions/link', { secret: text })).status
  expect([url, await enter(secret), await enter(secret)]).toEqual([kagami.url, 201, 404])
  const env = { KAGAMI_DATA: kagami.dataDirectory, KAGAMI_LISTEN: new URL(kagami.url).host }
  const linked = await kagami.cli(['user', 'link', '--json'], { env })
  const link = JSON.parse(linked.stdout)
  expect([link.username, link.url.split('#')[0]]).toEqual(['owner', `${kagami.url}/enter`])
  expect(await enter(link.url.split('#')[1])).toBe(201)
  const nobody = await kagami.cli(['user', 'link', 'nobody'], { env })
  expect([nobody.exitCode === 0, nobody.stderr]).toEqual([false, expect.stringContaining('there is no user "nobody"')])
  await kagami.stop()
  const again = await startKagami({ dataDirectory: kagami.dataDirectory })
  started.push(again)
  expect(LINK.test(await welcome(again))).toBe(false)
})

test('what makes an owner by itself, and --setup, exclude each other', async () => {
  for (const [args, env, named] of [
    [['--setup', '--sample'], {}, '--sample'],
    [['--setup'], { KAGAMI_OWNER_PASSWORD: ANN.password }, 'KAGAMI_OWNER_PASSWORD'],
  ] as const) {
    const ended = await runCommand([kagamiProgram, 'serve', ...args], { env: { ...env, KAGAMI_DATA: '/nowhere/data' } })
    expect([ended.exitCode, ended.stderr.includes(`${named} makes one`)]).toEqual([2, true])
  }
})
