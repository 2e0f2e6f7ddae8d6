// What a server shows of what clients were told, as another client sees it.
import { eachLimited } from '../limit.ts'
import { contentOf, type OciRequests, withQuery } from '../oci-requests.ts'
import { allowedValues, isAllowed, type Ledger, type Register, type Value } from './ledger.ts'

/**
 * Reads everything back, byte by byte; what was found is settled.
 * @param isKnown whether the acknowledgement had left before the server ended; all had unless told
 * @returns what is wrong
 */
export async function lookAtAll(
  client: OciRequests,
  ledger: Ledger,
  isKnown: (requestId: string) => boolean = () => true,
): Promise<string[]> {
  const faults: string[] = []
  await eachLimited(ledger.registers(), 8, async (register) => {
    const { kind, repository, name } = register
    const at = client.in(repository)
    const found = await read(at, register, ledger, faults)
    const allowed = allowedValues(register, isKnown)
    if (!isAllowed(register, allowed, found)) {
      faults.push(`${kind} ${repository} ${name}: want ${allowed.map(String).join(' or ')}, found ${found}`)
    }
    if (kind === 'session' && typeof found === 'number') await finish(at, register, found, { ledger, faults })
    else ledger.settle(register, found)
  })
  return faults
}

async function read(client: OciRequests, register: Register, ledger: Ledger, faults: string[]): Promise<Value> {
  const { kind, name } = register
  if (kind === 'session') return readSession(client, name)
  const answer = await client.send('GET', kind === 'blob' ? `blobs/${name}` : `manifests/${name}`)
  if (answer.status === 404) return undefined
  if (answer.status !== 200) {
    faults.push(`${kind} ${name} answered ${answer.status}: ${answer.text.slice(0, 200)}`)
    return undefined
  }
  const { digest } = contentOf(new Uint8Array(answer.bytes))
  const made = ledger.contents.get(digest)
  if (made === undefined) faults.push(`${kind} ${name} has other bytes than anybody sent`)
  if (kind === 'blob') return digest === name ? true : undefined
  await expectParts(client, answer.text, faults)
  return kind === 'tag' ? digest : digest === name ? true : undefined
}

/** A manifest that is served is served whole. */
async function expectParts(client: OciRequests, text: string, faults: string[]): Promise<void> {
  const { config, layers } = JSON.parse(text) as { config: { digest: string }; layers: { digest: string }[] }
  for (const { digest } of [config, ...layers]) {
    const { status } = await client.send('HEAD', `blobs/${digest}`)
    if (status !== 200)
      faults.push(`a manifest of ${client.repository} is served without its blob ${digest}: ${status}`)
  }
}

/** The offset of a session. */
async function readSession(client: OciRequests, name: string): Promise<Value> {
  const [location = ''] = name.split(' ')
  const { status, headers } = await client.send('GET', location)
  if (status === 404) return undefined
  const last = /^0-(\d+)$/.exec(headers.get('range') ?? '')?.[1]
  return last === undefined || last === '0' ? 0 : Number(last) + 1
}

/** A session that is there goes on from where it says. */
async function finish(
  client: OciRequests,
  register: Register,
  offset: number,
  { ledger, faults }: { readonly ledger: Ledger; readonly faults: string[] },
): Promise<void> {
  const [location = '', digest = ''] = register.name.split(' ')
  const bytes = ledger.contents.get(digest)?.bytes.subarray(offset) ?? new Uint8Array()
  const body = bytes.byteLength === 0 ? {} : { body: bytes }
  const { status, text } = await client.send('PUT', withQuery(location, { digest }), body)
  if (status !== 201) faults.push(`session ${location} does not go on at ${offset}: ${status} ${text.slice(0, 200)}`)
  ledger.settle(register, undefined)
  ledger.ask({ kind: 'blob', repository: register.repository, name: digest }, true)('finished')
}
