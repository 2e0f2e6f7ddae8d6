// The page docs/taking-back.md: every command of it is run, in its order.
import { expect, test } from 'bun:test'
import { tagStateSchema } from '../../src/api/explain.ts'
import { signInOwner } from '../support/command-line.ts'
import { argumentsOf, commandsOf, readPage } from '../support/documented-commands.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { startMemoryRegistry } from '../support/memory-registry.ts'
import { startWholeServer } from '../support/whole-server.ts'

const page = readPage('taking-back')
const commands = commandsOf(page)

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
      const owner = await signInOwner(kagami)
      await owner.run(['upstream', 'add', 'hub', upstream.url])
      await owner.run(['mirror', 'start', 'hub/app', '--wait'])
      upstream.tags.set('3.12', second)
      await owner.run(['mirror', 'sync', 'acme/app', '--wait'])
      const { history } = JSON.parse((await owner.run(['tag', 'history', 'acme/app', '3.12', '--json'])).stdout)
      expect(commands.length).toBeGreaterThan(8)
      for (const command of commands) {
        const given = argumentsOf(command).map((word) => ({ DIGEST: first, TIME: history.at(-1).at })[word] ?? word)
        const ended = await owner.run(given)
        expect([command, ended.status, ended.stderr]).toEqual([command, 0, expect.not.stringContaining('error')])
      }
    } finally {
      await kagami.stop()
      await upstream.stop()
    }
  })
})
