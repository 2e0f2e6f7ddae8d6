// Certificates of any time and name, signed by a CA of the test alone.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './process.ts'

export interface TestCa {
  /** PEM of the CA. */
  readonly ca: string
  /** A certificate for a name, with its key. */
  issue(o: { readonly name: string; readonly from: Date; readonly to: Date }): {
    readonly cert: string
    readonly key: string
  }
  remove(): void
}

const CONFIGURATION = `
[ca]
default_ca = own
[own]
database = issued/index
serial = issued/serial
new_certs_dir = issued
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`

export function createTestCa(): TestCa {
  const directory = temporaryDirectory('test-ca')
  const at = (name: string) => join(directory.path, name)
  const openssl = (...args: string[]) => {
    const run = Bun.spawnSync(['openssl', ...args], { cwd: directory.path, stderr: 'pipe' })
    if (run.exitCode !== 0) throw new Error(`openssl ${args[0]} ended with ${run.exitCode}: ${run.stderr}`)
  }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=test ca')
  mkdirSync(at('issued'))
  writeFileSync(at('issued/index'), '')
  writeFileSync(at('issued/serial'), '01\n')
  const utc = (date: Date) => `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
  return {
    ca: readFileSync(at('ca.pem'), 'utf8'),
    issue({ name, from, to }) {
      writeFileSync(at('ca.cnf'), `${CONFIGURATION}[names]\nsubjectAltName = DNS:${name}\n`)
      openssl('req', '-new', ...key, '-keyout', 'one.key', '-out', 'one.csr', '-subj', `/CN=${name}`)
      const files = ['-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', 'one.csr', '-out', 'one.pem', '-notext']
      const dates = ['-startdate', utc(from), '-enddate', utc(to)]
      openssl('ca', '-batch', '-config', 'ca.cnf', '-extensions', 'names', ...files, ...dates)
      return { cert: readFileSync(at('one.pem'), 'utf8'), key: readFileSync(at('one.key'), 'utf8') }
    },
    remove: () => directory.remove(),
  }
}
