import { describe } from 'bun:test'
import { openS3BlobStore } from '../../src/blobs/s3/store.ts'
import { testBlobStore } from '../suites/blob-store.ts'
import { haveS3, s3Server } from '../support/s3-server.ts'

describe.skipIf(!haveS3)('blobs on S3', () => {
  testBlobStore(async () => {
    const server = await s3Server()
    const store = openS3BlobStore(server.freshLocation())
    return { store, remove: () => store.close() }
  })
})
