/** What it is, and how to pull it. */
import { Card, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useTags } from '../api/queries.ts'
import { bytes, number } from '../format/sizes.ts'
import { Command, Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function OverviewTab({
  repository,
  mirror,
}: {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
}) {
  const { text, language } = useSpeech()
  const tags = useTags(repository.name)
  const newest = tags.data?.items.toSorted((a, b) => (a.movedAt < b.movedAt ? 1 : -1))[0]
  const image = `${location.host}/${repository.name}${newest === undefined ? '' : `:${newest.name}`}`
  const { facts } = text.repositories
  const shown: readonly (readonly [string, ReactNode])[] = [
    ...(mirror === undefined
      ? []
      : [[facts.mirrorOf, `${mirror.source.upstream}/${mirror.source.repository}`] as const]),
    [facts.tags, number(repository.tags, language)],
    [facts.size, bytes(repository.sizeBytes, language)],
    [facts.updated, <Time key="updated" at={repository.updatedAt} />],
    [facts.created, <Time key="created" at={repository.createdAt} />],
  ]
  return (
    <Stack>
      <Card withBorder>
        <Stack gap="xs">
          <Title order={2} size="h5">
            {text.repositories.pull}
            {newest === undefined ? '' : ` — ${text.repositories.newest(newest.name)}`}
          </Title>
          <Command line={`docker pull ${image}`} />
          <Command line={`podman pull ${image}`} />
          <Command line={`skopeo inspect docker://${image}`} />
        </Stack>
      </Card>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }}>
        {shown.map(([label, value]) => (
          <div key={label}>
            <Text size="xs" c="dimmed">
              {label}
            </Text>
            <Text>{value}</Text>
          </div>
        ))}
      </SimpleGrid>
      {repository.description === '' ? null : <Text style={{ whiteSpace: 'pre-wrap' }}>{repository.description}</Text>}
    </Stack>
  )
}
