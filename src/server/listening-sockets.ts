/** What listens on a port of this machine, as Linux tells it (proc(5), `/proc/net/tcp`). */
import { readFileSync } from 'node:fs'
import ipaddr from 'ipaddr.js'

const LISTEN = '0A'

/**
 * How many sockets listen at this address or at one that overlaps it, whoever's they are.
 * @param address an IP address; anything else overlaps nothing
 * @returns 0 where the system tells nothing
 */
export function countListening(address: string, port: number): number {
  if (!ipaddr.isValid(address)) return 0
  const wanted = ipaddr.process(address).toString()
  const isAny = (one: string) => one === '0.0.0.0' || one === '::'
  return ['tcp', 'tcp6']
    .flatMap((name) => listening(name, port))
    .filter((one) => one === wanted || isAny(one) || isAny(wanted)).length
}

/** The addresses that something listens at on this port. */
function listening(table: string, port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return linesOf(table).flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/, 4)
    return state === LISTEN && local.endsWith(end) ? [addressOf(local.slice(0, -end.length))] : []
  })
}

function linesOf(table: string): string[] {
  try {
    return readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1)
  } catch {
    return []
  }
}

/** Words of 32 bits in the order of the machine's bytes. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  if (new Uint8Array(new Uint32Array([1]).buffer)[0] === 1) bytes.swap32()
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString()
}
