import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ env: { KAGAMI_URL: 'https://kagami.example' } })
  owner = await signInOwner(kagami)
  await owner.run(['upstream', 'add', 'hub', 'https://docker.io', '--no-check'])
  await owner.run(['upstream', 'add', 'everybodys', 'https://docker.io', '--no-check', '--shared'])
})
afterAll(() => kagami.stop())

const hook = (...args: string[]) => owner.run(['upstream', 'hook', ...args])

test('prints the address at the public URL once; another only by --rotate', async () => {
  const made = await hook('hub', '--json')
  const document = JSON.parse(made.stdout)
  expect([made.status, Object.keys(document), document.upstream]).toEqual([0, ['upstream', 'url'], 'hub'])
  expect(document.url).toMatch(/^https:\/\/kagami\.example\/hooks\/kgm_hook_[0-9A-Za-z]{42}$/)
  const again = await hook('hub')
  expect([again.status, again.stdout]).toEqual([1, ''])
  expect(again.stderr).toContain('--rotate')
  const rotated = await hook('hub', '--rotate')
  expect(rotated.stdout.split('\n')[0]).toStartWith('https://kagami.example/hooks/kgm_hook_')
  expect(rotated.stdout).not.toContain(document.url)
  expect((await hook('hub', '--remove')).stdout).toBe('Removed the hook of upstream hub.')
  expect((await hook('hub', '--remove')).stderr).toContain('upstream hub has no hook')
})

test('of a shared upstream it is made by --shared, and one that is not the own says so', async () => {
  const wrong = await hook('everybodys')
  expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('--shared')])
  expect((await hook('everybodys', '--shared')).status).toBe(0)
  expect((await hook('hub', '--rotate', '--remove')).status).toBe(2)
  expect((await hook('hub', '--org', 'acme', '--shared')).status).toBe(2)
})
