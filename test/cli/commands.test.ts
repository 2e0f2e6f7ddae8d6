// Commands are loaded by the verb that is asked for: the table that says which verb is where has to be right.
import { expect, test } from 'bun:test'
import { Command } from 'commander'
import type { CommandLine } from '../../src/cli/command-line.ts'
import { addCommands, VERBS } from '../../src/cli/commands.ts'

/** Nothing is run, and nobody talks to the terminal. */
const line = {} as CommandLine

async function namesFor(verb?: string): Promise<string[]> {
  const program = new Command()
  await addCommands(program, line, verb)
  return program.commands.map((command) => command.name())
}

test('a verb brings its family, and nothing else', async () => {
  for (const verbs of VERBS) for (const verb of verbs) expect(await namesFor(verb)).toEqual([...verbs])
})

test('without one, or with one that there is not, all of them are there', async () => {
  const all = VERBS.flat()
  expect(new Set(all).size).toBe(all.length)
  for (const verb of [undefined, '--help', 'mirorr']) expect(await namesFor(verb)).toEqual(all)
})
