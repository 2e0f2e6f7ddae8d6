/** The registry of the server that the command line is signed in to, as others see it: by `/v2`. */
import { profileAnswerSchema } from '../api/users.ts'
import { createNetwork } from '../copy/registry-places.ts'
import type { RegistryNetwork } from '../remote/network.ts'
import type { UpstreamEndpoint } from '../remote/upstream.ts'
import type { ApiClient } from './client.ts'
import { type CommandLine, connectAs, findLogin } from './command-line.ts'

export interface OwnRegistry {
  readonly client: ApiClient
  readonly network: RegistryNetwork
  readonly endpoint: UpstreamEndpoint
}

/** Tokens of organizations sign in under the organization's name, those of people under theirs. */
const ORGANIZATION_TOKEN = 'kgm_oat_'

export async function connectRegistry(line: CommandLine, repository: string): Promise<OwnRegistry> {
  const login = await findLogin(line)
  const { server, token } = login
  const client = connectAs(login)
  const url = new URL(server).origin
  const endpoint = { url, plainHttp: url.startsWith('http:') }
  const network = createNetwork()
  if (token === undefined) return { client, network, endpoint }
  const username = token.startsWith(ORGANIZATION_TOKEN)
    ? repository.slice(0, repository.indexOf('/'))
    : (login.username ?? (await client.call('GET', '/user', profileAnswerSchema)).user.username)
  return { client, network, endpoint: { ...endpoint, username, password: token } }
}
