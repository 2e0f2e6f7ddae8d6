// Every command of the guide to whole catalogs works, in the order in which it stands there.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandLineUser, commandLineUser } from '../support/command-line.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const page = readFileSync(join(import.meta.dir, '../../docs/subscriptions.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'))

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = commandLineUser(kagami.url, kagami.directory)
  await owner.run(['login', '--username', 'owner', '--password-stdin'], { input: OWNER.password })
})
afterAll(() => kagami?.stop())

test('the guide has commands', () => expect(commands.length).toBeGreaterThan(10))

for (const command of commands) {
  test(command, async () => {
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
    expect(words[0]).toBe('kagami')
    const { status, stderr } = await owner.run(words.slice(1))
    expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
  })
}
