// The pages of docs/ and the commands that stand in their `sh` blocks, so that tests can run what people copy.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandLineUser, Ended } from './command-line.ts'

/** The text of `docs/NAME.md`. */
export function readPage(name: string): string {
  return readFileSync(join(import.meta.dir, `../../docs/${name}.md`), 'utf8')
}

/** The lines of its `sh` blocks, in the order in which they stand there. */
export function commandsOf(page: string): string[] {
  return [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'))
}

/** The words after `kagami`, with the quotes taken off. */
export function argumentsOf(command: string): string[] {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
  const [program, ...args] = words.map(([, single, double, plain]) => single ?? double ?? plain ?? '')
  expect(program).toBe('kagami')
  return args
}

/** One test a command, in their order: each of them works. `check` sees what it printed. */
export function testCommands(
  commands: readonly string[],
  owner: () => CommandLineUser,
  check: (args: readonly string[], ended: Ended) => void = () => {},
  given: (word: string) => string = (word) => word,
): void {
  for (const command of commands) {
    test(command, async () => {
      const args = argumentsOf(command).map(given)
      const ended = await owner().run(args)
      expect([ended.status, ended.status === 0 ? '' : ended.stderr]).toEqual([0, ''])
      check(args, ended)
    })
  }
}
