// What the tests use of npm's oidc-provider, which brings no types of its own.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export interface AdapterPayload {
    uid?: string
    grantId?: string
    consumed?: number
    [field: string]: unknown
  }

  export interface Adapter {
    upsert(id: string, payload: AdapterPayload): Promise<void>
    find(id: string): Promise<AdapterPayload | undefined>
    findByUid(uid: string): Promise<AdapterPayload | undefined>
    findByUserCode(code: string): Promise<AdapterPayload | undefined>
    consume(id: string): Promise<void>
    destroy(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  interface Configuration {
    readonly adapter: new (model: string) => Adapter
    readonly claims: Readonly<Record<string, readonly string[]>>
    readonly findAccount: (context: unknown, sub: string) => { accountId: string; claims(): Promise<{ sub: string }> }
    readonly interactions: { url(context: unknown, interaction: { readonly uid: string }): string }
    readonly features: Readonly<Record<string, { readonly enabled: boolean }>>
    readonly pkce: { required(): boolean }
    readonly cookies: { readonly keys: readonly string[] }
    readonly ttl: Readonly<Record<string, number>>
  }

  export default class Provider {
    constructor(issuer: string, configuration: Configuration)
    readonly Grant: new (of: {
      readonly accountId: string
      readonly clientId: string
    }) => {
      addOIDCScope(scope: string): void
      save(): Promise<string>
    }
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{
      readonly prompt: { readonly name: string }
      readonly params: Readonly<Record<string, unknown>>
      readonly session?: { readonly accountId: string }
    }>
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: unknown,
      options?: { readonly mergeWithLastSubmission: boolean },
    ): Promise<void>
  }
}
