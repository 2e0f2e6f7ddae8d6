// Every list and every view of the command line, held against a server whose answers are full of what a terminal acts on.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { commandLineUser } from '../support/command-line.ts'
import { temporaryDirectory } from '../support/process.ts'

/** Everything that a terminal acts on, or that changes what a line seems to say. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
export const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const evil = [
  '\u001b[31m',
  '\u001b]8;;http://evil.example\u0007click\u001b]8;;\u0007',
  '\u001b]52;c;ZXZpbA==\u0007',
  '\u009b2J',
  '\u009d0;title\u009c',
  '\u0090q\u009c',
  '\r',
  '\n',
  '\r\nacme/real  public',
  '\t',
  '\b\b\b',
  '\u0000',
  '\u007f',
  '\u0085',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u2028',

  '名',
  '🦀',
  'x',
  '\\u001b',
]
export const hostile = fc
  .array(fc.oneof(fc.constantFrom(...evil), fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 6 })
  .map((parts) => `t${parts.join('')}`)

export interface Printed {
  readonly args: readonly string[]
  /** Lines on standard output; undefined: as many as with plain text. */
  readonly lines?: number
  /** What its JSON shows, where nothing of the answer may be any text. */
  readonly shown?: string
}

/**
 * @param answers what each `METHOD /path` answers with `text` wherever the shape allows any text
 */
export function describePrintable(
  title: string,
  answers: Readonly<Record<string, (text: string) => unknown>>,
  commands: readonly Printed[],
): void {
  describe(title, () => {
    const home = temporaryDirectory('printable')
    let text = ''
    let isRefused = false
    let server: Bun.Server<undefined>
    beforeAll(() => {
      server = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch(request) {
          const path = decodeURIComponent(new URL(request.url).pathname.replace('/api/v1', ''))
          const made = answers[`${request.method} ${path}`]
          if (made === undefined) return new Response(`no ${request.method} ${path}`, { status: 500 })
          if (isRefused)
            return Response.json({ error: { code: 'CONFLICT', message: text, detail: text } }, { status: 409 })
          return Response.json(made(text))
        },
      })
    })
    afterAll(async () => {
      await server.stop(true)
      home.remove()
    })

    for (const { args, lines, shown } of commands) {
      test(`${args.join(' ')}: only text, and no line more`, async () => {
        const user = commandLineUser(`http://127.0.0.1:${server.port}`, home.path, 'kgm_token')
        text = 'plain'
        isRefused = false
        const wanted = lines ?? (await user.run([...args])).stdout.split('\n').length
        expect(wanted).toBeGreaterThan(1)
        await fc.assert(
          fc.asyncProperty(hostile, fc.boolean(), async (made, refused) => {
            text = made
            isRefused = refused
            const plain = await user.run([...args])
            for (const out of [plain.stdout, plain.stderr]) expect(out).not.toMatch(ACTS)
            if (refused) expect(plain.stderr.split('\n')).toHaveLength(2)
            else expect([plain.stderr, plain.stdout.split('\n').length]).toEqual(['', wanted])

            const json = await user.run([...args, '--json'])
            for (const out of [json.stdout, json.stderr]) expect(out).not.toMatch(ACTS)
            const document = JSON.parse(json.stdout)
            if (refused) expect(document.error.message).toBe(text)
            // What crosses the wire as UTF-8 has no lone surrogates any more.
            else expect(JSON.stringify(document)).toContain(JSON.stringify(shown ?? text))
          }),
          { numRuns: 25 },
        )
      })
    }
  })
}
