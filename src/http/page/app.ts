/**
 * Serves the web page: its files, which never change under their names, and the one document behind every address that a browser opens.
 * The document holds nothing of anybody: what is shown comes from the API.
 */
import { randomBytes } from 'node:crypto'
import { isAddress, pageAt } from './addresses.ts'
import type { PageBundle, PageFile } from './bundle.ts'

export const ASSETS_PATH = '/assets/'

export interface PageApp {
  /** Undefined: it is not the page's to answer. Rejects when the page cannot be made. */
  fetch(request: Request, path: string): Promise<Response | undefined>
}

export interface PageDeps {
  /** The same bundle at every call. */
  load(): Promise<PageBundle>
  /** Whether the instance has no owner yet: the page asks for the printed code then. */
  isSetupWanted(): Promise<boolean>
}

export function createPageApp({ load, isSetupWanted }: PageDeps): PageApp {
  return {
    async fetch(request, path) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
      if (path.startsWith(ASSETS_PATH)) {
        const file = (await load()).files.get(path)
        return file === undefined ? undefined : fileResponse(file, request.headers.get('accept-encoding') ?? '')
      }
      // Clients of registries and of the API read JSON; whoever opens an address wants the page.
      if (!isAddress(path) || !/\btext\/html\b/.test(request.headers.get('accept') ?? '')) return undefined
      const hasSession = /(?:^|;\s*)kagami_session=[^;]/.test(request.headers.get('cookie') ?? '')
      // A cookie of an instance that was at this address before is none of an instance without an owner.
      const setup = await isSetupWanted()
      const isKnown = hasSession && !setup
      return documentResponse(await load(), { session: isKnown, setup, page: isKnown ? pageAt(path) : undefined })
    },
  }
}

function fileResponse({ type, bytes, brotli, gzip }: PageFile, accepted: string): Response {
  const [encoding, body] =
    brotli !== undefined && /\bbr\b/.test(accepted)
      ? ['br', brotli]
      : gzip !== undefined && /\bgzip\b/.test(accepted)
        ? ['gzip', gzip]
        : [undefined, bytes]
  return new Response(body, {
    headers: {
      'content-type': type,
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    },
  })
}

/** No script but our own files, no style but theirs and what the page marks with the nonce, nothing from elsewhere, in nobody's frame. */
function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The page's mark; in the document, so that no browser asks for a file that is not there. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="13.5" fill="none" stroke="#12936b" stroke-width="3"/><circle cx="16" cy="16" r="9" fill="#12936b" opacity=".25"/><path d="M10.5 15.5a6 6 0 0 1 5-5" fill="none" stroke="#12936b" stroke-width="2.4" stroke-linecap="round"/></svg>',
)}`

interface Told {
  /** The page is to ask who is signed in. */
  readonly session: boolean
  /** The page is to ask for the code of the first run. */
  readonly setup: boolean
  /** What is shown first; its files are asked for with those of the shell. */
  readonly page: string | undefined
}

function documentResponse({ script, styles, preloads, pages }: PageBundle, told: Told): Response {
  const nonce = randomBytes(16).toString('base64')
  const links = [
    ...styles.map((path) => `<link rel="stylesheet" href="${path}">`),
    ...[...preloads, ...(pages.get(told.page ?? '') ?? [])].map((path) => `<link rel="modulepreload" href="${path}">`),
  ].join('\n')
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="csp-nonce" content="${nonce}">
<meta name="session" content="${told.session}">
<meta name="setup" content="${told.setup}">
<meta name="color-scheme" content="light dark">
<title>Kagami</title>
<link rel="icon" href="${ICON}">
${links}
<script type="module" src="${script}"></script>
</head>
<body><div id="root"></div><noscript>This page needs JavaScript. The command line does everything that it does: kagami --help.</noscript></body>
</html>
`
  return new Response(html, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policyOf(nonce),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(), microphone=(), geolocation=()',
    },
  })
}
