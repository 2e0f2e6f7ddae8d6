/** What `kagami serve` tells the operator once it serves. */
import type { FirstOwner } from '../access/bootstrap.ts'
import { CLIENT_FIELDS } from '../config/fields.ts'
import type { Secret } from '../lib/secret.ts'

const DEFAULT_SERVER = CLIENT_FIELDS.server.fallback

export interface Welcome {
  readonly program: string
  /** As clients reach it, without a path. */
  readonly url: string
  readonly sampleUrl: string | undefined
  readonly owner: string
  readonly organization: string
  /** At the first start only. */
  readonly firstOwner: FirstOwner | undefined
  /** By which the page makes the owner; undefined: there is one. */
  readonly setupCode: Secret | undefined
  /** Opens the page signed in, once; undefined: none was made. */
  readonly signIn: string | undefined
  /** A repository that can be pulled, and a tag of it. */
  readonly pull: { readonly repository: string; readonly tag: string } | undefined
}

export function welcomeText(welcome: Welcome): string {
  const { url, sampleUrl, program, firstOwner, pull, setupCode } = welcome
  const host = new URL(url).host
  const lines = [
    `Kagami is running.`,
    '',
    `  Registry  ${host}`,
    `  Page      ${url}`,
    `  API       ${url}/api/v1 (described in ${url}/api/v1/openapi.json)`,
    ...(sampleUrl === undefined ? [] : [`  Sample    ${sampleUrl} (the upstream "sample")`]),
    ...(setupCode === undefined ? ownerLines(welcome) : setupLines(url, setupCode)),
  ]
  const secret = firstOwner?.isPasswordMade === true ? firstOwner.password.reveal() : undefined
  if (pull !== undefined) lines.push('', ...pullBlocks({ ...welcome, pull, host, secret }))
  if (firstOwner !== undefined) lines.push('', ...nextLines(welcome, secret))
  return [
    ...lines,
    '',
    `Ctrl-C stops it; the data stay. ${program} serve${sampleUrl === undefined ? '' : ' --sample'} goes on.`,
  ].join('\n')
}

function ownerLines(welcome: Welcome): string[] {
  const { owner, signIn } = welcome
  return [
    `  Owner     ${owner}`,
    `  Password  ${passwordLine(welcome)}`,
    ...(signIn === undefined ? [] : ['', 'Open the page, signed in (once, within 15 minutes):', `  ${signIn}`]),
  ]
}

function setupLines(url: string, code: Secret): string[] {
  return [
    `  Code      ${code.reveal()} (serves once, for a day)`,
    '',
    'There is no owner yet. Open the page to make one; it asks for the code:',
    `  ${url}/setup#${code.reveal()}`,
  ]
}

function passwordLine({ program, owner, firstOwner }: Welcome): string {
  const reset = `${program} user reset-password ${owner}`
  if (firstOwner === undefined) return `(as before; forgotten? ${reset})`
  if (!firstOwner.isPasswordMade) return '(as KAGAMI_OWNER_PASSWORD says)'
  return `${firstOwner.password.reveal()} (shown this once; another: ${reset})`
}

type Pull = Welcome & {
  readonly pull: NonNullable<Welcome['pull']>
  readonly host: string
  readonly secret: string | undefined
}

/** Plain http: docker takes it on loopback by itself, the others want to be told. */
function pullBlocks({ url, owner, pull, host, secret }: Pull): string[] {
  const image = `${host}/${pull.repository}:${pull.tag}`
  const isPlain = url.startsWith('http:')
  const noTls = isPlain ? ' --tls-verify=false' : ''
  const login = (client: string, flags: string) => `    ${loginLine(`${client} login${flags} ${host}`, owner, secret)}`
  return [
    `Pull ${pull.repository} with docker:`,
    login('docker', ''),
    `    docker pull ${image}`,
    '',
    'with podman:',
    login('podman', noTls),
    `    podman pull${noTls} ${image}`,
    '',
    'with skopeo:',
    login('skopeo', noTls),
    `    skopeo copy${isPlain ? ' --src-tls-verify=false' : ''} docker://${image} dir:${pull.repository.split('/').at(-1)}`,
  ]
}

/** Without the password at hand the client asks for it. */
function loginLine(command: string, owner: string, secret: string | undefined): string {
  return secret === undefined
    ? `${command} --username ${owner}`
    : `echo ${secret} | ${command} --username ${owner} --password-stdin`
}

function nextLines(
  { program, url, owner, organization, sampleUrl, pull }: Welcome,
  secret: string | undefined,
): string[] {
  const signIn = `  ${loginLine(`${program} login`, owner, secret)}`
  // The command line looks for the server at its own default address.
  const elsewhere = url === DEFAULT_SERVER ? [] : [`  export KAGAMI_SERVER=${url}`]
  if (sampleUrl === undefined || pull === undefined) {
    return [
      'Try next, in another terminal:',
      ...elsewhere,
      signIn,
      `  ${program} upstream add hub https://registry-1.docker.io`,
      `  ${program} mirror start hub/library/alpine --org ${organization} --wait`,
    ]
  }
  return [
    'Try next, in another terminal:',
    ...elsewhere,
    signIn,
    `  ${program} tag list ${pull.repository}`,
    `  ${program} sample release`,
  ]
}
