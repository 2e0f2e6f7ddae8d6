// What an operator does at the command line of a running server, for the end-to-end tests.
import { expect } from 'bun:test'
import type { CommandResult } from '../support/command.ts'
import type { CompareTarget } from '../support/compare.ts'
import type { Kagami } from '../support/kagami.ts'
import type { Credentials } from '../support/registry-session.ts'

export interface RunDocument {
  readonly id: string
  readonly trigger: string
  readonly outcome: string
  readonly counts: {
    readonly tagsMoved: number
    readonly tagsUnchanged: number
    readonly manifests: number
    readonly referrers: number
    readonly blobs: number
    readonly readBytes: number
    readonly requests: number
    readonly failed: number
  }
  readonly failures: readonly { tag: string | null; digest: string | null; code: string; message: string }[]
}

export interface MirrorDocument {
  readonly id: string
  readonly repository: string
  readonly state: string
  readonly reason: string | null
  readonly tags: { readonly total: number; readonly published: number; readonly failed: number }
  readonly lastRun: RunDocument | null
}

export interface MirrorAnswer {
  readonly mirror: MirrorDocument
  readonly run: RunDocument
}

export interface Operator {
  readonly kagami: Kagami
  /** Runs a command that must succeed. @throws Error with its output when it does not */
  run(args: readonly string[], options?: { readonly input?: string }): Promise<CommandResult>
  /** The same with `--json`, its one document parsed. */
  json<T>(args: readonly string[], options?: { readonly input?: string }): Promise<T>
  /** The API's answer, where something is looked at until it has come: a command each time would take the very time that is waited for. */
  get<T>(path: string): Promise<T>
  /** `mirror start|sync … --wait --json`: the exit status, and the document, which is printed in any case (issue 3). */
  wait(args: readonly string[]): Promise<MirrorAnswer & { readonly exitCode: number; readonly stderr: string }>
  /** A token by `token create`, with the user name that goes with it. */
  createToken(scope?: string): Promise<Credentials>
  /** The comparer's way to a repository, signed in by a token that may read. */
  target(repository: string): Promise<CompareTarget>
}

async function succeed(kagami: Kagami, args: readonly string[], options: { readonly input?: string; token?: string }) {
  const result = await kagami.cli(args, options)
  if (result.exitCode === 0) return result
  throw new Error(`kagami ${args.join(' ')} ended with ${result.exitCode}\n${result.stdout}\n${result.stderr}`)
}

/** An operator who acts as the holder of `token`, or as whoever has signed in by `kagami login` when there is none. */
export function operatorOf(kagami: Kagami, token?: string): Operator {
  const as = token === undefined ? {} : { token }
  let reading: Promise<Credentials> | undefined
  let asking: Promise<string> | undefined
  const operator: Operator = {
    kagami,
    run: (args, options = {}) => succeed(kagami, args, { ...options, ...as }),
    json: async (args, options) => JSON.parse((await operator.run([...args, '--json'], options)).stdout),
    async get<T>(path: string) {
      asking ??=
        token === undefined ? operator.createToken('admin').then(({ password }) => password) : Promise.resolve(token)
      const headers = { authorization: `Bearer ${await asking}` }
      const answer = await fetch(`${kagami.url}/api/v1${path}`, { headers })
      if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as T
    },
    async wait(args) {
      const result = await kagami.cli([...args, '--wait', '--json'], as)
      let document: MirrorAnswer
      try {
        document = JSON.parse(result.stdout)
      } catch {
        throw new Error(`kagami ${args.join(' ')} printed no document: ${result.stdout}\n${result.stderr}`)
      }
      return { ...document, exitCode: result.exitCode, stderr: result.stderr }
    },
    async createToken(scope = 'read') {
      const created = await operator.json<{ username: string; token: string }>([
        'token',
        'create',
        '--label',
        `end-to-end ${scope}`,
        '--scope',
        scope,
      ])
      return { username: created.username, password: created.token }
    },
    async target(repository) {
      reading ??= operator.createToken()
      return { url: kagami.url, repository, credentials: await reading }
    },
  }
  return operator
}

/** Signs the server's owner in by `kagami login`. */
export async function signIn(kagami: Kagami): Promise<Operator> {
  const login = ['login', '--username', kagami.owner.username, '--password-stdin']
  await succeed(kagami, login, { input: `${kagami.owner.password}\n` })
  return operatorOf(kagami)
}

/** The run has succeeded as a whole, and without a word about anything that it could not have. */
export function expectDone(answer: MirrorAnswer & { readonly exitCode: number }): void {
  expect([answer.run.outcome, answer.run.failures, answer.exitCode]).toEqual(['done', [], 0])
}
