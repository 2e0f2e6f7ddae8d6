// Pages whose every command works, in the order in which it stands there, against a server with the sample upstream.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

describe.each([
  ['how-a-mirror-lives', 15],
  ['subscriptions', 10],
  ['budgets', 4],
  ['audit', 8],
])('docs/%s.md', (page, moreThan) => {
  const commands = commandsOf(readPage(page))
  let kagami: WholeServer
  let owner: CommandLineUser
  beforeAll(async () => {
    kagami = await startWholeServer({ withSample: true })
    owner = await signInOwner(kagami)
  })
  afterAll(() => kagami?.stop())

  test('the page has commands', () => expect(commands.length).toBeGreaterThan(moreThan))
  testCommands(commands, () => owner)
})

test('every link of a guide, and of the page of the architecture, leads to a file', () => {
  const docs = join(import.meta.dir, '../../docs')
  const pages = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'))
  const lost = pages.flatMap((path) =>
    [...readFileSync(join(docs, path), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link.replace(/#.*/, ''))
      .filter((link) => link !== '' && !/^\w+:/.test(link) && !existsSync(join(docs, dirname(path), link)))
      .map((link) => `${path}: ${link}`),
  )
  expect(pages.length).toBeGreaterThan(50)
  expect(lost).toEqual([])
})
