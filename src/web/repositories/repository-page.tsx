/** One repository, part by part; which part stands in the address. */
import { Badge, Group, Tabs } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { useMirror } from '../api/mirrors.ts'
import { useRepository } from '../api/repositories.ts'
import { ApiError } from '../api/request.ts'
import { useProgress } from '../api/use-progress.ts'
import { MirrorTab } from '../mirrors/mirror-tab.tsx'
import { Empty, Failure, Page, Rows } from '../shell/parts.tsx'
import { State } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { WebhooksTab } from '../webhooks/webhooks-tab.tsx'
import { OverviewTab } from './overview-tab.tsx'
import { SettingsTab } from './settings-tab.tsx'
import { TABS, type Tab } from './tabs.ts'
import { TagsTab } from './tags-tab.tsx'

export function RepositoryPage() {
  const { text } = useSpeech()
  const { organization, _splat = '' } = useParams({ from: '/within/o/$organization/repository/$' })
  const { tab = 'overview' } = useSearch({ from: '/within/o/$organization/repository/$' })
  const navigate = useNavigate({ from: '/o/$organization/repository/$' })
  const name = `${organization}/${_splat}`
  const repository = useRepository(name)
  const mirror = useMirror(name)
  const client = useQueryClient()
  const onEnd = useCallback(() => void client.invalidateQueries(), [client])
  const watched = useProgress(mirror.data ? name : undefined, onEnd)
  if (repository.isError) {
    const isAbsent = repository.error instanceof ApiError && [403, 404].includes(repository.error.status)
    return isAbsent ? (
      <Empty>{text.common.notFound}</Empty>
    ) : (
      <Failure error={repository.error} retry={() => void repository.refetch()} />
    )
  }
  if (repository.data === undefined) return <Rows />
  return (
    <Page
      name={name}
      title={
        <Group gap="sm">
          {name}
          <Badge color={repository.data.visibility === 'public' ? 'orange' : 'gray'} variant="light" tt="none">
            {text.repositories[repository.data.visibility]}
          </Badge>
          {mirror.data ? <State state={mirror.data.state} /> : null}
        </Group>
      }
      lead={repository.data.description.split('\n', 1)[0] || text.repositories.noDescription}
    >
      <Tabs value={tab} onChange={(chosen) => void navigate({ search: { tab: chosen as Tab } })} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {text.repositories.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="overview">
          <OverviewTab repository={repository.data} mirror={mirror.data ?? undefined} />
        </Tabs.Panel>
        <Tabs.Panel value="tags">
          <TagsTab name={name} />
        </Tabs.Panel>
        <Tabs.Panel value="mirror">
          <MirrorTab name={name} mirror={mirror.data} watched={watched} />
        </Tabs.Panel>
        <Tabs.Panel value="webhooks">
          <WebhooksTab name={name} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <SettingsTab repository={repository.data} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
