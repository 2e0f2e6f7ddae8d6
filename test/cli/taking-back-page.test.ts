// The page docs/taking-back.md: every command of it is run, in its order.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tagStateSchema } from '../../src/api/explain.ts'
import { commandLineUser } from '../support/command-line.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { startMemoryRegistry } from '../support/memory-registry.ts'
import { OWNER, startWholeServer } from '../support/whole-server.ts'

const page = readFileSync(join(import.meta.dir, '../../docs/taking-back.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) => block.trim().split('\n'))

test('the page has every state', () => {
  for (const state of tagStateSchema.options) expect(page).toContain(`\`${state}\``)
})

describeWithFixtures('docs/taking-back.md', () => {
  test('its commands work, one after the other', async () => {
    const upstream = startMemoryRegistry(fixtureLayout('oras-tree'))
    const kagami = await startWholeServer()
    try {
      const [first = '', second = ''] = new Set(upstream.tags.values())
      upstream.tags.set('3.12', first)
      const owner = commandLineUser(kagami.url, kagami.directory)
      await owner.run(['login', '--username', 'owner', '--password-stdin'], { input: OWNER.password })
      await owner.run(['upstream', 'add', 'hub', upstream.url])
      await owner.run(['mirror', 'start', 'hub/app', '--wait'])
      upstream.tags.set('3.12', second)
      await owner.run(['mirror', 'sync', 'acme/app', '--wait'])
      const { history } = JSON.parse((await owner.run(['tag', 'history', 'acme/app', '3.12', '--json'])).stdout)
      expect(commands.length).toBeGreaterThan(8)
      for (const command of commands) {
        const [program, ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(
          ([, quoted, word]) => quoted ?? word ?? '',
        )
        expect(program).toBe('kagami')
        const given = args.map((arg) => ({ DIGEST: first, TIME: history.at(-1).at })[arg] ?? arg)
        const ended = await owner.run(given)
        expect([command, ended.status, ended.stderr]).toEqual([command, 0, expect.not.stringContaining('error')])
      }
    } finally {
      await kagami.stop()
      await upstream.stop()
    }
  })
})
