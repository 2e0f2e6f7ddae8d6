// How a quirk registry lets people in: not at all, by Basic, or by tokens that last for some requests.
import { type Asked, json, type Reply, refuse } from './exchange.ts'
import type { Quirks } from './quirks.ts'

export const USER = { username: 'robot', password: 'quirk-secret' } as const

interface Token {
  readonly access: readonly { readonly name: string; readonly actions: readonly string[] }[]
  uses: number
}

const BASIC = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`
/** Empty user name and password: nobody. */
const NOBODY = 'Basic Og=='

export interface SignIn {
  readonly tokenPath: string
  token(asked: Asked): Reply
  /** What is answered in place of what was asked; undefined: go on. @param isPing at `/v2/` itself */
  check(asked: Asked, wanted: { readonly name: string; readonly action: string } | 'ping'): Reply | undefined
  /** A management API knows the user by Basic, and by the password as a bearer. */
  isUser(asked: Asked): boolean
}

export function createSignIn(quirks: Quirks, origin: () => string): SignIn {
  const { signIn, realm = { path: '/token', service: 'quirk' } } = quirks
  const tokens = new Map<string, Token>()
  let made = 0
  const isAnonymous = ({ headers }: Asked) => [undefined, NOBODY].includes(headers.authorization)
  const mayAnybody = (action: string) => quirks.isPublic === true && action === 'pull'

  function challenge(scope: string, error?: string): Reply {
    const said = signIn === 'basic' ? 'Basic realm="quirk"' : bearer(scope, error)
    const isHidden = quirks.hidesChallenge && scope !== ''
    return refuse(401, 'UNAUTHORIZED', 'authentication required', isHidden ? {} : { 'www-authenticate': said })
  }
  function bearer(scope: string, error?: string): string {
    const parts = [`Bearer realm="${origin()}${realm.path}"`, `service="${realm.service}"`]
    if (scope !== '') parts.push(`scope="${scope}"`)
    if (error !== undefined) parts.push(`error="${error}"`)
    return parts.join(',')
  }

  return {
    tokenPath: realm.path,
    isUser: ({ headers }) => headers.authorization === BASIC || headers.authorization === `Bearer ${USER.password}`,
    token(asked) {
      const isUser = asked.headers.authorization === BASIC
      if (!isUser && !isAnonymous(asked)) return refuse(401, 'UNAUTHORIZED', 'wrong password')
      const scopes = asked.url.searchParams.getAll('scope').flatMap((text) => text.split(' '))
      const access = scopes.flatMap((scope) => {
        const [, name = '', actions = ''] = /^repository:(.+):([^:]+)$/.exec(scope) ?? []
        const granted = actions.split(',').filter((action) => isUser || mayAnybody(action))
        return name === '' || granted.length === 0 ? [] : [{ name, actions: granted }]
      })
      const text = `quirk-token-${++made}`
      tokens.set(text, { access, uses: 0 })
      return json({ token: text, access_token: text, expires_in: 3600 })
    },
    check(asked, wanted) {
      if (signIn === undefined) return undefined
      const scope = wanted === 'ping' ? '' : `repository:${wanted.name}:${wanted.action}`
      if (signIn === 'basic') {
        if (asked.headers.authorization === BASIC) return undefined
        const isOpen = wanted !== 'ping' && isAnonymous(asked) && mayAnybody(wanted.action)
        return isOpen ? undefined : challenge(scope)
      }
      const text = /^Bearer (.+)$/.exec(asked.headers.authorization ?? '')?.[1]
      const token = text === undefined ? undefined : tokens.get(text)
      if (token === undefined) return challenge(scope, text === undefined ? undefined : 'invalid_token')
      if (++token.uses > (quirks.tokenUses ?? Number.POSITIVE_INFINITY)) return challenge(scope, 'invalid_token')
      if (wanted === 'ping') return undefined
      const isGranted = wanted.action
        .split(',')
        .every((action) => token.access.some((one) => one.name === wanted.name && one.actions.includes(action)))
      return isGranted ? undefined : challenge(scope, 'insufficient_scope')
    },
  }
}
