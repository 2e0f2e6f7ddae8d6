import type { Upstream } from '../../api/upstreams.ts'
import { useSpeech } from '../text/language.tsx'

/** As whom requests to an upstream sign in. Whether a shared one has a login is its operators' to know. */
export function Login({ upstream: { username }, isOwn }: { readonly upstream: Upstream; readonly isOwn: boolean }) {
  const { text } = useSpeech()
  if (username !== null) return text.upstreams.withLogin(username)
  return isOwn ? text.upstreams.withoutLogin : text.upstreams.hiddenLogin
}
