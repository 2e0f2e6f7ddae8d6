// Amazon ECR by the real SDK, against its JSON protocol on loopback.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoginWanted } from '../../../src/remote/sign-in/sign-in.ts'
import { createSignIns } from '../../../src/remote/sign-in/sign-in.ts'
import { clientTo, type FakeCloud, fakeCloud, withEnvironment } from '../../support/fake-clouds.ts'
import { temporaryDirectory } from '../../support/process.ts'

const KEYS = { username: 'AKIAEXAMPLE', password: 'wJalrXUtnFEMI/K7MDENG/secret' }
const ROLE = 'arn:aws:iam::123456789012:role/push'
const WANTED: LoginWanted = {
  signIn: { by: 'ecr' },
  kind: 'ecr',
  endpoint: { url: 'https://123456789012.dkr.ecr.eu-central-1.amazonaws.com' },
  given: KEYS,
  sealedPassword: 'sealed',
  isShared: false,
}

let home: ReturnType<typeof temporaryDirectory>
let environment: Disposable
beforeEach(() => {
  home = temporaryDirectory('aws')
  environment = withEnvironment({
    AWS_CONFIG_FILE: join(home.path, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home.path, 'credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_PROFILE: undefined,
  })
})
afterEach(() => {
  environment[Symbol.dispose]()
  home.remove()
})

let now = new Date('2026-05-01T00:00:00Z')
const clock = { now: () => now }

interface Script {
  /** Of the token that is given out, seconds from now. */
  readonly lifeSeconds?: number
  readonly refuse?: Response
}

const ASSUMED = (
  action: string,
) => `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>
  <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>secret of the role</SecretAccessKey>
  <SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
  </${action}Result></${action}Response>`

/** ECR, ECR Public and STS, and the metadata services of an instance and of a container. */
function fakeAws({ lifeSeconds = 43_200, refuse }: Script = {}): FakeCloud {
  let given = 0
  return fakeCloud(({ path, headers, body, method }) => {
    const xml = { headers: { 'content-type': 'text/xml' } }
    if (body.includes('Action=AssumeRoleWithWebIdentity'))
      return new Response(ASSUMED('AssumeRoleWithWebIdentity'), xml)
    if (body.includes('Action=AssumeRole')) return new Response(ASSUMED('AssumeRole'), xml)
    if (path === '/latest/api/token' && method === 'PUT') return new Response('metadata token')
    if (path === '/latest/meta-data/iam/security-credentials/') return new Response('instance-role')
    if (path === '/latest/meta-data/iam/security-credentials/instance-role' || path === '/container') {
      const key = path === '/container' ? 'ASIACONTAINER' : 'ASIAINSTANCE'
      return Response.json({
        ...{ Code: 'Success', AccessKeyId: key, SecretAccessKey: 'x', Token: 'y', Expiration: '2099-01-01T00:00:00Z' },
      })
    }
    const target = headers.get('x-amz-target') ?? ''
    if (!target.endsWith('.GetAuthorizationToken')) return undefined
    if (refuse !== undefined) return refuse.clone()
    const one = {
      authorizationToken: Buffer.from(`AWS:password ${++given}`).toString('base64'),
      expiresAt: now.getTime() / 1000 + lifeSeconds,
    }
    const authorizationData = target.includes('Spencer') ? one : [{ ...one, proxyEndpoint: 'https://x' }]
    return Response.json({ authorizationData }, { headers: { 'content-type': 'application/x-amz-json-1.1' } })
  })
}

/** Who signed a request, by its signature (version 4). */
function signers(aws: FakeCloud): string[] {
  return aws.asked.flatMap(
    ({ headers }) =>
      /Credential=([^/]+)\/\d+\/([^/]+)/
        .exec(headers.get('authorization') ?? '')
        ?.slice(1, 3)
        .join(' ') ?? [],
  )
}

const endpoints = (url: string) =>
  withEnvironment({ AWS_ENDPOINT_URL_ECR: url, AWS_ENDPOINT_URL_ECR_PUBLIC: url, AWS_ENDPOINT_URL_STS: url })

function signIns() {
  const [http, ambientHttp] = [clientTo(), clientTo()]
  return { http, ambientHttp, ...createSignIns({ http, ambientHttp, clock, dockerConfig: '/nowhere' }) }
}

describe('sign-in to Amazon ECR', () => {
  test('given keys sign a request in the region of the address, through the address guard', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    const { loginOf, http } = signIns()
    expect(await loginOf(WANTED).current()).toEqual({ username: 'AWS', password: 'password 1' })
    expect(signers(aws)).toEqual(['AKIAEXAMPLE eu-central-1'])
    expect(http.origins).toEqual([aws.url])
    expect(JSON.stringify(aws.asked)).not.toContain(KEYS.password)
  })

  test('a login is fetched once for many that ask at the same time, and anew shortly before it ends', async () => {
    await using aws = fakeAws({ lifeSeconds: 3600 })
    using _ = endpoints(aws.url)
    const { loginOf } = signIns()
    const many = await Promise.all(Array.from({ length: 20 }, () => loginOf(WANTED).current()))
    expect(new Set(many.map((one) => one?.password))).toEqual(new Set(['password 1']))
    now = new Date(now.getTime() + 3_500_000)
    expect((await loginOf(WANTED).current())?.password).toBe('password 1')
    now = new Date(now.getTime() + 90_000)
    expect((await loginOf(WANTED).current())?.password).toBe('password 2')
    // Another login of the same registry has its own.
    await loginOf({ ...WANTED, sealedPassword: 'other' }).current()
    expect(aws.asked).toHaveLength(3)
  })

  test('one that the registry refuses is fetched anew, but not at once', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    const login = signIns().loginOf(WANTED)
    const first = await login.current()
    login.refused(first ?? KEYS)
    expect(await login.current()).toEqual(first)
    now = new Date(now.getTime() + 120_000)
    login.refused(first ?? KEYS)
    expect((await login.current())?.password).toBe('password 2')
  })

  test('a role is assumed with the given keys', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    const { loginOf, http } = signIns()
    await loginOf({ ...WANTED, signIn: { by: 'ecr', role: ROLE, region: 'us-west-2' } }).current()
    expect(signers(aws)).toEqual(['AKIAEXAMPLE us-west-2', 'ASIAROLE us-west-2'])
    expect(new URLSearchParams(aws.asked[0]?.body).get('RoleArn')).toBe(ROLE)
    expect(http.origins).toEqual([aws.url, aws.url])
  })

  test('ECR Public gives tokens in us-east-1', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    const login = signIns().loginOf({ ...WANTED, kind: 'ecr-public', endpoint: { url: 'https://public.ecr.aws/team' } })
    expect(await login.current()).toEqual({ username: 'AWS', password: 'password 1' })
    expect(signers(aws)).toEqual(['AKIAEXAMPLE us-east-1'])
  })

  test('a shared target without keys signs in as the server: environment, files, web identity, container, instance', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    const ambient = { ...WANTED, given: undefined, sealedPassword: null, isShared: true }
    const signer = async () => {
      const before = aws.asked.length
      const { loginOf, http } = signIns()
      await loginOf(ambient).current()
      expect(http.origins).toEqual([])
      return signers({ ...aws, asked: aws.asked.slice(before) }).at(-1)
    }
    {
      using _ = withEnvironment({ AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'x' })
      expect(await signer()).toBe('AKIAENV eu-central-1')
    }
    {
      const file = join(home.path, 'files')
      writeFileSync(file, '[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = x\n')
      using _ = withEnvironment({ AWS_SHARED_CREDENTIALS_FILE: file })
      expect(await signer()).toBe('AKIAFILE eu-central-1')
    }
    {
      const file = join(home.path, 'token')
      writeFileSync(file, 'a.web.token')
      using _ = withEnvironment({ AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: ROLE })
      expect(await signer()).toBe('ASIAROLE eu-central-1')
    }
    {
      using _ = withEnvironment({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container` })
      expect(await signer()).toBe('ASIACONTAINER eu-central-1')
    }
    using __ = withEnvironment({ AWS_EC2_METADATA_DISABLED: undefined, AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url })
    expect(await signer()).toBe('ASIAINSTANCE eu-central-1')
  })

  test('an organization never signs in as the server', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    using __ = withEnvironment({ AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'x' })
    for (const by of ['ecr', 'google', 'azure', 'docker'] as const) {
      const login = signIns().loginOf({ ...WANTED, signIn: { by }, given: undefined, sealedPassword: null })
      await expect(login.current()).rejects.toMatchObject({ code: 'TARGET_DENIED' })
    }
    expect(aws.asked).toEqual([])
  })

  test('refusals say what to do, busy services are no refusal, and no secret is told', async () => {
    const told = async (refuse: Response) => {
      await using aws = fakeAws({ refuse })
      using _ = endpoints(aws.url)
      return await signIns()
        .loginOf(WANTED)
        .current()
        .then(
          () => ({ code: 'none', message: '' }),
          (error) => error as { code: string; message: string; cause?: unknown },
        )
    }
    const type = { 'content-type': 'application/x-amz-json-1.1' }
    const denied = await told(
      Response.json(
        { __type: 'UnrecognizedClientException', message: `The token ${KEYS.password} is invalid.` },
        { status: 400, headers: type },
      ),
    )
    expect(denied).toMatchObject({
      code: 'TARGET_DENIED',
      message: expect.stringMatching(/UnrecognizedClientException.*ecr:GetAuthorizationToken$/),
    })
    expect('cause' in denied).toBe(false)
    expect(Bun.inspect(denied)).not.toContain(KEYS.password)
    expect((await told(new Response('', { status: 503 }))).code).toBe('TARGET_UNAVAILABLE')
    expect((await told(Response.json({ __type: 'ThrottlingException' }, { status: 429, headers: type }))).code).toBe(
      'TARGET_RATE_LIMITED',
    )
  })

  test('the address guard holds: a service in a network that is not allowed is not asked', async () => {
    await using aws = fakeAws()
    using _ = endpoints(aws.url)
    const http = clientTo({}, false)
    const login = createSignIns({ http, ambientHttp: http, clock, dockerConfig: '/nowhere' }).loginOf(WANTED)
    await expect(login.current()).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    expect(aws.asked).toEqual([])
  })
})
