/** What every command starts from, and how it says `--json`. */
import type { Command } from 'commander'
import { type Organization, organizationSchema } from '../api/organizations.ts'
import type { ClientSettings } from '../config/settings.ts'
import type { Sleep } from '../lib/retry.ts'
import { type ApiClient, createApiClient } from './client.ts'
import { findCredential } from './credentials.ts'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'

export interface CommandLine {
  readonly terminal: Terminal
  /** How to call this program from here, for lines that people copy: `kagami`, `bin/kagami`. */
  readonly program: string
  /** Read when a command needs them: a wrong setting must not break `--help`. */
  readonly clientSettings: () => ClientSettings
  /** The file of `credentials.ts`. */
  readonly credentialsPath: string
  /** Files with logins for registries; those of docker and podman when left out. */
  readonly dockerConfigPaths?: readonly string[]
  /** The system's own when left out. */
  readonly sleep?: Sleep
}

export interface Login {
  readonly server: string
  /** Of what `kagami login` kept; a token of the environment names nobody. */
  readonly username: string | undefined
  /** Undefined: anonymous. */
  readonly token: string | undefined
}

/** By KAGAMI_TOKEN or by what `kagami login` kept; anonymous when there is neither. */
export async function findLogin(line: CommandLine): Promise<Login> {
  const { server, token } = line.clientSettings()
  if (token !== undefined) return { server, username: undefined, token: token.reveal() }
  const kept = await findCredential(line.credentialsPath, server)
  return { server, username: kept?.username, token: kept?.token }
}

/** A client that is signed in as `findLogin` says. */
export async function connect(line: CommandLine): Promise<ApiClient> {
  return connectAs(await findLogin(line))
}

export function connectAs({ server, token }: Login): ApiClient {
  return createApiClient(server, token === undefined ? undefined : `Bearer ${token}`)
}

/** A command that prints one JSON document when it is asked to. */
export function addCommand(parent: Command, signature: string, description: string): Command {
  return parent.command(signature).description(description).option('--json', 'print one JSON document')
}

/** The document when `--json` was given, the text for people otherwise. */
export function answer(line: CommandLine, o: { readonly json?: boolean }, document: unknown, text: () => string): void {
  line.terminal.print(o.json === true ? JSON.stringify(document, null, 2) : text())
}

function listOwnOrganizations(client: ApiClient): Promise<Organization[]> {
  return client
    .listAll('/organizations', 'organizations', organizationSchema)
    .then((all) => all.filter(({ role }) => role !== null))
}

/** The organization that was named, or the only one of the caller. @throws UsageError when there are several or none */
export async function chooseOrganization(client: ApiClient, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const own = await listOwnOrganizations(client)
  const [only, ...others] = own
  if (only !== undefined && others.length === 0) return only.name
  throw new UsageError(
    only === undefined
      ? 'you belong to no organization: name one by --org'
      : `you belong to ${own.map((organization) => organization.name).join(', ')}: name one by --org`,
  )
}

/**
 * ` --org NAME` as a line to copy needs it, or nothing where `chooseOrganization` finds it by itself.
 * @param wanted null: any of the caller's, one that they own first
 */
export async function organizationFlag(client: ApiClient, wanted: string | null): Promise<string> {
  const own = await listOwnOrganizations(client)
  const name = wanted ?? own.find(({ role }) => role === 'owner')?.name ?? own[0]?.name ?? 'ORGANIZATION'
  return own.length === 1 && own[0]?.name === name ? '' : ` --org ${name}`
}

/** @throws UsageError unless the text is ORGANIZATION/NAME */
export function checkRepository(text: string): string {
  if (/^[^/]+\/.+/.test(text)) return text
  throw new UsageError(`got ${JSON.stringify(text)}, want ORGANIZATION/NAME such as acme/dhi-python`)
}
