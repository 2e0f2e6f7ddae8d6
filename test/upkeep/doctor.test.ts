// What a doctor finds wrong on a real server, and that a healthy one is told to be well.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { doctorAnswerSchema } from '../../src/api/doctor.ts'
import { startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { describeOnEachDatabase, OWNER, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

describeOnEachDatabase('doctor', (start) => {
  let kagami: WholeServer
  const examine = async () =>
    (await kagami.call('GET', '/operator/doctor', { login: OWNER })).as(doctorAnswerSchema).findings
  beforeAll(async () => {
    kagami = await start()
  })
  afterAll(() => kagami.stop())

  test('a server that is well has nothing to mend but what its machine lacks', async () => {
    const findings = await examine()
    expect(findings.filter(({ level, where }) => level === 'fail' && !where.includes(kagami.directory))).toEqual([])
    expect(findings.map(({ what }) => what)).toContain('blob store: well')
    expect(findings.map(({ what }) => what)).toContain('database: well')
  })

  test('a secret file that is open, and an upstream that refuses our login, each with its mend and no secret', async () => {
    await using registry = await startQuirkRegistry({ signIn: 'basic' })
    const upstream = { name: 'wrong', organization: 'acme', url: registry.url, check: false }
    const login = { username: USER.username, password: 'not the password' }
    const made = await kagami.call('POST', '/upstreams', { login: OWNER, body: { ...upstream, ...login } })
    expect(made.status).toBe(201)
    const key = join(kagami.directory, 'seal.key')
    chmodSync(key, 0o644)
    const findings = await examine()
    chmodSync(key, 0o600)
    expect(findings).toContainEqual(expect.objectContaining({ level: 'fail', where: key, mend: `chmod go= ${key}` }))
    const refused = findings.find(({ where }) => where === 'upstream acme/wrong')
    expect(refused?.level).toBe('fail')
    expect(refused?.what).toStartWith('login refused')
    expect(refused?.mend).toContain('kagami upstream change wrong --org acme')
    expect(JSON.stringify(findings)).not.toContain(login.password)
  })

  test('it is for operators', async () => {
    const ada = await kagami.addUser('ada', { acme: 'owner' })
    expect((await kagami.call('GET', '/operator/doctor', { login: ada })).status).toBe(403)
  })
})
