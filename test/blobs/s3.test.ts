import { describe, expect, test } from 'bun:test'
import { openS3BlobStore } from '../../src/blobs/s3/store.ts'
import { testBlobStore } from '../suites/blob-store.ts'
import { haveS3, objectsOf, s3Server } from '../support/s3-server.ts'

describe.skipIf(!haveS3)('blobs on S3', () => {
  testBlobStore(async () => {
    const server = await s3Server()
    const store = openS3BlobStore(server.freshLocation())
    return { store, remove: () => store.close() }
  })

  test('what a killed process left half-way goes after its time, and an upload that people were told of stays', async () => {
    const location = (await s3Server()).freshLocation()
    const objects = objectsOf(location)
    const bytes = () => new Blob(['abc']).stream()
    const killed = openS3BlobStore(location)
    await (await killed.openOwnStage('download')).append(bytes())
    await (await killed.openStage('upload')).append(bytes())
    await objects.multipart.begin('objects/sha256-aa-1')
    const left = async () => [
      (await Array.fromAsync(objects.list('own/'))).length,
      (await Array.fromAsync(objects.list('stages/'))).length,
      (await Array.fromAsync(objects.multipart.list('objects/'))).length,
    ]
    const store = openS3BlobStore(location)
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
    await store.removeAbandoned?.(new Date())
    expect(await left()).toEqual([1, 1, 1])
    await store.removeAbandoned?.(inDays(2))
    expect(await left()).toEqual([1, 1, 0])
    await store.removeAbandoned?.(inDays(8))
    expect(await left()).toEqual([0, 1, 0])
  })
})
