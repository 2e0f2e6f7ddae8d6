// One server with two organizations that know nothing of each other, and something in one of them that is worth stealing.
import { type Kagami, startKagami } from '../support/kagami.ts'
import {
  type Content,
  describeContent,
  freshContent,
  type Image,
  OCI_CONFIG,
  OCI_MANIFEST,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import type { Credentials } from '../support/registry-session.ts'
import { type Operator, operatorOf, signIn } from './operator.ts'

export interface TwoOrganizations {
  readonly kagami: Kagami
  /** Owner of acme, and nothing in rival. */
  readonly owner: Operator
  /** Owner of rival, and nothing in acme. */
  readonly rita: Operator
  readonly ritaLogin: Credentials
  /** What only acme may have: pushed by its owner to acme/secret, with the tag `v1`. */
  readonly secret: Image
  readonly secretLayer: Content
  /** The one referrer of `secret`. */
  readonly signature: Content
}

export async function startTwoOrganizations(): Promise<TwoOrganizations> {
  const kagami = await startKagami()
  const owner = await signIn(kagami)
  const ritaLogin = { username: 'rita', password: 'password of rita' }
  await owner.run(['organization', 'create', 'rival'])
  await owner.run(['user', 'create', 'rita', '--password-stdin'], { input: ritaLogin.password })
  await owner.run(['member', 'add', 'rival', 'rita', 'owner'])
  await owner.run(['member', 'remove', 'rival', 'owner'])
  await owner.run(['login', '--username', 'rita', '--password-stdin'], { input: ritaLogin.password })
  const { password } = await owner.createToken('admin')
  const rita = operatorOf(kagami, password)
  await signIn(kagami)

  const acme = ociRequests(kagami.url, 'acme/secret', kagami.owner)
  const secret = await pushImage(acme, { tag: 'v1' })
  const [secretLayer] = secret.layers
  if (secretLayer === undefined) throw new Error('want an image with a layer')
  const config = await acme.pushBlob(freshContent(40))
  const signature = await acme.pushManifest(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: 'application/example',
      subject: secret.descriptor,
      config: describeContent(config, OCI_CONFIG),
      layers: [],
    },
    OCI_MANIFEST,
  )
  return { kagami, owner, rita, ritaLogin, secret, secretLayer, signature }
}
