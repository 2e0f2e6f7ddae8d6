// Collection, and the check of what is stored, by the verbs of the program where it has them.
import { type Kagami, kagamiProgram } from './kagami.ts'

const verbs = Bun.spawnSync([kagamiProgram, '--help'], { stdout: 'pipe', stderr: 'ignore' }).stdout.toString()

/** Whether the program has `gc`. */
export const haveCollection: boolean = /^\s+gc\b/m.test(verbs)

/** Whether the program has `verify-storage`. */
export const haveVerify: boolean = /^\s+verify-storage\b/m.test(verbs)

/**
 * Collects, as the schedule does; where another collection is under way, or was when its server was killed, once that is over.
 * @param o.isNow grace times are over: only where nobody pushes, since it takes what an unfinished push has sent
 * @throws Error when it ends otherwise than well
 */
export async function collect(kagami: Kagami, o: { isNow?: boolean } = {}): Promise<{ readonly freedBytes: number }> {
  return json(kagami, ['gc', ...(o.isNow === true ? ['--now', '--yes'] : []), '--json'])
}

/** @throws Error when it ends otherwise than well, as it does with something missing */
export async function verify(
  kagami: Kagami,
): Promise<{ readonly checked: number; readonly missing: readonly unknown[]; readonly corrupt: readonly unknown[] }> {
  return json(kagami, ['verify-storage', '--json'])
}

async function json<T>(kagami: Kagami, args: readonly string[]): Promise<T> {
  const token = await tokenOf(kagami)
  const run = () => kagami.cli(args, { token, env: { KAGAMI_DATA: kagami.dataDirectory } })
  let result = await run()
  while (result.stderr.includes('another collection is under way')) {
    await Bun.sleep(200)
    result = await run()
  }
  if (result.exitCode !== 0) throw new Error(`kagami ${args.join(' ')} ended with ${result.exitCode}\n${result.stderr}`)
  return JSON.parse(result.stdout) as T
}

const tokens = new Map<string, string>()

async function tokenOf({ url, owner }: Kagami): Promise<string> {
  const known = tokens.get(url)
  if (known !== undefined) return known
  const response = await fetch(`${url}/api/v1/tokens`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${owner.username}:${owner.password}`)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ label: 'upkeep', scope: 'admin' }),
  })
  const { token } = (await response.json()) as { token: string }
  tokens.set(url, token)
  return token
}
