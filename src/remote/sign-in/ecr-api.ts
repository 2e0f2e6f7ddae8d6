/** What Amazon ECR does by its own API, besides `/v2`: makes repositories, private, and says of many blobs at once whether they are there. */
import type { HttpClient } from '../../net/guarded-fetch.ts'
import { findDigest } from '../../oci/digest.ts'
import type { RegistryApi } from '../registry-api.ts'
import { parseUpstreamUrl } from '../upstream.ts'
import { type EcrAccount, ecrConfigOf, ecrFailure } from './ecr-client.ts'
import { openExchange } from './exchange.ts'

/** @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED, from its methods too */
export async function openEcrApi(account: EcrAccount, http: HttpClient): Promise<Required<RegistryApi>> {
  const ecr = await import('@aws-sdk/client-ecr')
  const client = new ecr.ECRClient(await ecrConfigOf(account, openExchange(http, {})))
  // The registry of another account than that of the keys.
  const registryId = /^(\d{12})\.dkr/.exec(parseUpstreamUrl(account.endpoint.url).base.hostname)?.[1]
  const at = registryId === undefined ? {} : { registryId }
  const within = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { abortSignal: signal })
  return {
    async createRepository(repositoryName, { signal }) {
      try {
        await client.send(new ecr.CreateRepositoryCommand({ ...at, repositoryName }), within(signal))
      } catch (error) {
        if (error instanceof ecr.RepositoryAlreadyExistsException) return
        throw ecrFailure(error, account, 'ecr:CreateRepository')
      }
    },
    async hasBlobs(repositoryName, blobs, { signal }) {
      try {
        const asked = new ecr.BatchCheckLayerAvailabilityCommand({ ...at, repositoryName, layerDigests: [...blobs] })
        const { layers = [] } = await client.send(asked, within(signal))
        return layers.flatMap(({ layerDigest = '', layerAvailability }) =>
          layerAvailability === 'AVAILABLE' ? (findDigest(layerDigest) ?? []) : [],
        )
      } catch (error) {
        if (error instanceof ecr.RepositoryNotFoundException) return []
        throw ecrFailure(error, account, 'ecr:BatchCheckLayerAvailability')
      }
    },
  }
}
