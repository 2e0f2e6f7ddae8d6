// A real OpenID Connect provider on loopback (npm's oidc-provider): whoever comes is signed in as the person that the test names.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider'

export interface ProviderPerson {
  readonly sub: string
  readonly [claim: string]: unknown
}

export interface OpenIdProvider {
  readonly url: string
  person: ProviderPerson
  /** Makes a client known, or changes it. */
  allow(client: { readonly id: string; readonly secret?: string; readonly redirectUris: readonly string[] }): void
  /** The person says no. */
  refuses: boolean
  stop(): Promise<void>
}

/** Everything in one map, clients that tests add among it. */
function memoryAdapter(stored: Map<string, AdapterPayload>): new (model: string) => Adapter {
  return class {
    readonly model: string
    constructor(model: string) {
      this.model = model
    }
    async upsert(id: string, payload: AdapterPayload) {
      stored.set(`${this.model}:${id}`, payload)
    }
    async find(id: string) {
      return stored.get(`${this.model}:${id}`)
    }
    async findByUid(uid: string) {
      return [...stored].find(([key, one]) => key.startsWith(`${this.model}:`) && one.uid === uid)?.[1]
    }
    async findByUserCode() {
      return undefined
    }
    async consume(id: string) {
      const found = stored.get(`${this.model}:${id}`)
      if (found !== undefined) found.consumed = Math.floor(Date.now() / 1000)
    }
    async destroy(id: string) {
      stored.delete(`${this.model}:${id}`)
    }
    async revokeByGrantId(grantId: string) {
      for (const [key, one] of stored) if (one.grantId === grantId) stored.delete(key)
    }
  }
}

export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const stored = new Map<string, AdapterPayload>()
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(url, {
    adapter: memoryAdapter(stored),
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['preferred_username', 'groups', 'access'],
    },
    findAccount: (_, sub) => ({ accountId: sub, claims: async () => openid.person }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    cookies: { keys: ['only of tests'] },
    ttl: { Session: 60, Grant: 60, Interaction: 60, AccessToken: 60, IdToken: 60 },
  })
  const callback = provider.callback()

  async function handle(...[request, response]: Parameters<typeof callback>): Promise<void> {
    if (!request.url?.startsWith('/interaction/')) return callback(request, response)
    const { prompt, params, session } = await provider.interactionDetails(request, response)
    if (openid.refuses) {
      const denied = { error: 'access_denied', error_description: 'the person said no' }
      return provider.interactionFinished(request, response, denied)
    }
    if (prompt.name === 'login') {
      return provider.interactionFinished(request, response, { login: { accountId: openid.person.sub } })
    }
    const grant = new provider.Grant({
      accountId: session?.accountId ?? '',
      clientId: String(params.client_id),
    })
    grant.addOIDCScope('openid profile email')
    const result = { consent: { grantId: await grant.save() } }
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
  }

  const openid: OpenIdProvider = {
    url,
    person: { sub: 'nobody' },
    refuses: false,
    allow({ id, secret, redirectUris }) {
      stored.set(`Client:${id}`, {
        client_id: id,
        ...(secret === undefined ? { token_endpoint_auth_method: 'none' } : { client_secret: secret }),
        redirect_uris: [...redirectUris],
      } as AdapterPayload)
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
  return openid
}
