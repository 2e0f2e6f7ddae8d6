import {
  describeRepositoryReader,
  describeStagingWriter,
  putContent,
  SUITE_CONTENT,
} from '../suites/repository-ports.ts'
import { memoryRepository } from './memory-repository.ts'

describeStagingWriter("the tests' memory", async () => ({ ...memoryRepository(), close: async () => {} }))

describeRepositoryReader("the tests' memory", async () => {
  const repository = memoryRepository()
  await putContent(repository.writer(), SUITE_CONTENT)
  return { ...repository, close: async () => {} }
})
