/**
 * Writes docs/reference from the program itself: the verbs that the command line parses, the settings that the parser reads, the
 * operations of the OpenAPI document that a running server gives. `npm run reference`; a test holds the files to it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { createProgram } from '../src/cli/program.ts'
import { CLIENT_FIELDS, SERVER_FIELDS } from '../src/config/fields.ts'
import { parseSettings } from '../src/config/settings.ts'
import { createLogger } from '../src/lib/logger.ts'
import { startServer } from '../src/server.ts'

const NOTE = '<!-- Written by npm run reference: change the program, not this page. -->\n'
const directory = resolve(import.meta.dir, '../docs/reference')

interface Operation {
  readonly summary?: string
  readonly description?: string
}

/** File name → content of every page. */
export async function renderReference(): Promise<Map<string, string>> {
  return new Map([
    ['command-line.md', renderCommandLine()],
    ['settings.md', renderSettings()],
    ['api.md', renderApi(await readOpenApi())],
  ])
}

function renderCommandLine(): string {
  const program = createProgram({
    terminal: { isInteractive: false, columns: 80, print() {}, note() {}, paint() {}, readInput: async () => '' },
    program: 'kagami',
    clientSettings: () => {
      throw new Error('the reference runs no command')
    },
    credentialsPath: '',
  })
  const sections = [...leaves(program, [])].map(([path, command]) => {
    const usage = [...path, command.usage().replace(/\[options\] ?/, '')].join(' ').trim()
    const rows = [
      ...command.registeredArguments.map((argument) => [argument.name(), argument.description]),
      ...command.options.map((option) => [option.flags, option.description]),
    ]
    const table = rows.map(([name = '', about = '']) => `| \`${cell(name)}\` | ${cell(about)} |`)
    return `## ${path.join(' ')}\n\n${sentence(command.description())}\n\n    kagami ${usage}\n\n| | |\n|---|---|\n${table.join('\n')}\n`
  })
  const exits = 'Exit status: 0 done, 1 failed or partial (the document is still printed), 2 wrong use.'
  return `${NOTE}\n# Command line\n\n${exits} With \`--json\` one document goes to standard output, all else to standard error.\n\n${sections.join('\n')}`
}

function* leaves(command: Command, path: readonly string[]): Generator<[readonly string[], Command]> {
  for (const child of command.commands) {
    if (child.commands.length > 0) yield* leaves(child, [...path, child.name()])
    else yield [[...path, child.name()], child]
  }
}

function renderSettings(): string {
  const rows = [...Object.values(SERVER_FIELDS), ...Object.values(CLIENT_FIELDS)].map(
    ({ variable, key, fallback, want, about }) =>
      `| \`${variable}\` | ${key === undefined ? '' : `\`${key}\``} | ${fallback === undefined ? '' : `\`${fallback}\``} | ${cell(about)} | ${cell(want)} |`,
  )
  return `${NOTE}\n# Settings\n\nBy environment, or in \`kagami.yaml\` (in the working directory, or where \`KAGAMI_CONFIG\` says); the environment wins. What is unknown refuses the start, by name and line.\n\n| Variable | In \`kagami.yaml\` | Default | | Wants |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

function renderApi(paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>): string {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]) =>
        `| ${method.toUpperCase()} | \`${path}\` | ${cell([operation.summary, operation.description].filter(Boolean).join('. '))} |`,
    ),
  )
  return `${NOTE}\n# Management API\n\nThe shapes are in the OpenAPI 3.1 document that each server gives at \`/api/v1/openapi.json\`. Authenticate by a personal access token (\`Authorization: Bearer kgm_pat_…\`) or by user name and password (Basic). Errors are \`{"error": {"code", "message", "detail"}}\`.\n\n| | Path | |\n|---|---|---|\n${rows.join('\n')}\n`
}

async function readOpenApi() {
  const data = await mkdtemp(join(tmpdir(), 'kagami-reference-'))
  const settings = parseSettings({ KAGAMI_DATA: data, KAGAMI_LISTEN: '127.0.0.1:0' })
  const server = await startServer({ settings, withSample: false, logger: createLogger('silent') })
  try {
    const document = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, Record<string, Operation>>
    }
    return document.paths
  } finally {
    await server.close()
    await rm(data, { recursive: true, force: true })
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

if (import.meta.main) {
  for (const [name, content] of await renderReference()) await Bun.write(join(directory, name), content)
}
