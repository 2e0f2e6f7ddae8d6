/**
 * What clients were told, and what they have asked for without having been told: each tag, blob, manifest and upload session is a register that
 * one client writes in order. After any end of the server it holds what was acknowledged last, or something that was asked for since.
 */
import type { Content } from '../oci-requests.ts'

export type Kind = 'blob' | 'manifest' | 'tag' | 'session' | 'token'

/** `undefined`: not there. Of a tag its digest, of a session its offset, else true. */
export type Value = string | number | true | undefined

export interface Write {
  readonly value: Value
  /** The `x-request-id` of the answer that acknowledged it. */
  acknowledged: string | undefined
}

export interface Register {
  readonly kind: Kind
  readonly repository: string
  /** Tag, digest, or the location of a session. */
  readonly name: string
  writes: Write[]
}

export interface Ledger {
  /** Content by digest, as it was made. */
  readonly contents: Map<string, Content>
  registers(): readonly Register[]
  /** Before the request is sent; what it gives is told of the answer. */
  ask(of: Pick<Register, 'kind' | 'repository' | 'name'>, value: Value): (requestId: string) => void
  /** What was found once nobody writes any more is what everybody was told from now on. */
  settle(register: Register, found: Value): void
}

export function createLedger(): Ledger {
  const registers = new Map<string, Register>()
  return {
    contents: new Map(),
    registers: () => [...registers.values()],
    ask({ kind, repository, name }, value) {
      const key = `${kind} ${repository} ${name}`
      const register = registers.get(key) ?? { kind, repository, name, writes: [] }
      registers.set(key, register)
      const write: Write = { value, acknowledged: undefined }
      register.writes.push(write)
      return (requestId) => {
        write.acknowledged = requestId
      }
    },
    settle(register, found) {
      register.writes = [{ value: found, acknowledged: 'settled' }]
    },
  }
}

/** What may be found. @param isKnown whether this acknowledgement had left */
export function allowedValues(register: Register, isKnown: (requestId: string) => boolean): Value[] {
  const { writes } = register
  const last = writes.findLastIndex(({ acknowledged }) => acknowledged !== undefined && isKnown(acknowledged))
  return last === -1 ? [undefined, ...writes.map(({ value }) => value)] : writes.slice(last).map(({ value }) => value)
}

/** Whether `found` is one of them; a session may be further than it was told, by what came of a body that broke off. */
export function isAllowed({ kind }: Register, allowed: readonly Value[], found: Value): boolean {
  if (allowed.includes(found)) return true
  if (kind !== 'session' || typeof found !== 'number') return false
  const offsets = allowed.filter((value) => typeof value === 'number')
  // It was begun, and nothing is told of it yet.
  const least = allowed[0] === undefined ? 0 : Math.min(...offsets)
  return found >= least && found <= Math.max(...offsets)
}
