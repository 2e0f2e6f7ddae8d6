/**
 * Writes docs/reference from the program itself: the verbs that the command line parses, the settings that the parser reads, the
 * operations of the OpenAPI document that a running server gives. `npm run reference`; a test holds the files to it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Argument, Command, Option } from 'commander'
import { configurationJsonSchema } from '../src/api/configuration.ts'
import { webhookPayloadJsonSchema } from '../src/api/webhook-payload.ts'
import { createProgram } from '../src/cli/program.ts'
import { FIELDS } from '../src/config/fields.ts'
import { parseSettings } from '../src/config/settings.ts'
import { createLogger } from '../src/lib/logger.ts'
import { startServer } from '../src/server.ts'
import { type OpenApi, renderApi } from './reference-api.ts'
import { renderRights } from './reference-rights.ts'
import { renderStates } from './reference-states.ts'
import { cell, code, splitDefault, tableOf } from './reference-table.ts'
import { renderTargets } from './reference-targets.ts'

const NOTE = '<!-- Written by npm run reference: change the program, not this page. -->\n'
const directory = resolve(import.meta.dir, '../docs/reference')

/** File name → content of every page, and of the schema for editors. */
export async function renderReference(): Promise<Map<string, string>> {
  return new Map([
    ['command-line.md', await renderCommandLine()],
    ['settings.md', renderSettings()],
    ['mirror-states.md', `${NOTE}\n${renderStates()}`],
    ['rights.md', `${NOTE}\n${renderRights()}`],
    ['targets.md', `${NOTE}\n${renderTargets()}`],
    ['api.md', `${NOTE}\n${renderApi(await readOpenApi())}`],
    ['webhook-payload.schema.json', `${JSON.stringify(webhookPayloadJsonSchema(), null, 2)}\n`],
    ['kagami-config.schema.json', `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`],
  ])
}

async function renderCommandLine(): Promise<string> {
  const program = await createProgram({
    terminal: { isInteractive: false, columns: 80, print() {}, note() {}, paint() {}, readInput: async () => '' },
    program: 'kagami',
    clientSettings: () => {
      throw new Error('the reference runs no command')
    },
    credentialsPath: '',
  })
  const sections = [...leaves(program, [])].map(([path, command]) => {
    const usage = [...path, command.usage().replace(/\[options\] ?/, '')].join(' ').trim()
    const rows = [...command.registeredArguments.map(argumentRow), ...command.options.map(optionRow)]
    const table = tableOf(['', 'Required', 'One of', 'Default', ''], rows)
    return `## ${path.join(' ')}\n\n${sentence(command.description())}\n\n    kagami ${usage}\n\n${table}\n`
  })
  const exits = 'Exit status: 0 done, 1 failed or partial (the document is still printed), 2 wrong use.'
  return `${NOTE}\n# Command line\n\n${exits} With \`--json\` one document goes to standard output, all else to standard error.\n\n${sections.join('\n')}`
}

function argumentRow(argument: Argument): readonly string[] {
  const { required, argChoices, defaultValue, description } = argument
  return row(argument.name(), { isRequired: required, choices: argChoices, fallback: defaultValue, description })
}

function optionRow({ flags, mandatory, negate, argChoices, defaultValue, description }: Option): readonly string[] {
  // The option that a `--no-` form takes back is on by itself, which is no default that anybody gives.
  const fallback = negate ? undefined : defaultValue
  return row(flags, { isRequired: mandatory, choices: argChoices, fallback, description })
}

function row(
  name: string,
  o: {
    readonly isRequired: boolean
    readonly choices: readonly string[] | undefined
    readonly fallback: unknown
    readonly description: string
  },
): readonly string[] {
  const told = splitDefault(o.description)
  const fallback = o.fallback === undefined ? told.fallback : code(String(o.fallback))
  return [code(name), o.isRequired ? 'yes' : 'no', (o.choices ?? []).map(code).join(', '), fallback, told.about]
}

function* leaves(command: Command, path: readonly string[]): Generator<[readonly string[], Command]> {
  for (const child of command.commands) {
    if (child.commands.length > 0) yield* leaves(child, [...path, child.name()])
    else yield [[...path, child.name()], child]
  }
}

function renderSettings(): string {
  const rows = FIELDS.map(({ variable, key, fallback, want, about }) => [
    code(variable),
    key === undefined ? '' : code(key),
    cell(want),
    fallback === undefined ? 'unset' : code(fallback),
    cell(about),
  ])
  const about =
    'By environment, or in `kagami.yaml` (in the working directory, or where `KAGAMI_CONFIG` says); the environment wins. None is required. What is unknown refuses the start, by name and line.'
  return `${NOTE}\n# Settings\n\n${about}\n\n${tableOf(['Variable', 'In `kagami.yaml`', 'Takes', 'Default', ''], rows)}\n`
}

async function readOpenApi(): Promise<OpenApi> {
  const data = await mkdtemp(join(tmpdir(), 'kagami-reference-'))
  const settings = parseSettings({ KAGAMI_DATA: data, KAGAMI_LISTEN: '127.0.0.1:0' })
  const server = await startServer({ settings, withSample: false, logger: createLogger('silent') })
  try {
    return (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as OpenApi
  } finally {
    await server.close()
    await rm(data, { recursive: true, force: true })
  }
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

if (import.meta.main) {
  for (const [name, content] of await renderReference()) await Bun.write(join(directory, name), content)
}
