/** One repository, part by part; which part stands in the address. */
import { Anchor, Badge, Group, Tabs } from '@mantine/core'
import { Link, lazyRouteComponent, useParams } from '@tanstack/react-router'
import { Suspense, useEffect } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useMirror } from '../api/mirrors.ts'
import { useOrganizations } from '../api/organizations.ts'
import { useAllowed, useRepository } from '../api/repositories.ts'
import { useProgress } from '../api/use-progress.ts'
import { Absent } from '../shell/absent.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Empty, Failure, Page, Rows } from '../shell/parts.tsx'
import { State, Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { saidOf } from './description.tsx'
import { isShown, TABS, type Tab } from './tabs.ts'
import { useRepositorySearch } from './use-repository-search.ts'

/** Each is a file of its own: an address opens one of them. */
const OverviewTab = lazyRouteComponent(() => import('./overview-tab.tsx'), 'OverviewTab')
const TagsTab = lazyRouteComponent(() => import('../tags/tags-tab.tsx'), 'TagsTab')
const MirrorTab = lazyRouteComponent(() => import('../mirrors/mirror-tab.tsx'), 'MirrorTab')
const ReplicationsTab = lazyRouteComponent(() => import('../replications/replications-tab.tsx'), 'ReplicationsTab')
const WebhooksTab = lazyRouteComponent(() => import('../webhooks/webhooks-tab.tsx'), 'WebhooksTab')
const AccessTab = lazyRouteComponent(() => import('./access-tab.tsx'), 'AccessTab')
const ActivityTab = lazyRouteComponent(() => import('./activity-tab.tsx'), 'ActivityTab')
const SettingsTab = lazyRouteComponent(() => import('./settings-tab.tsx'), 'SettingsTab')

const PARTS: Readonly<Record<Tab, { preload?: () => Promise<void> | undefined }>> = {
  overview: OverviewTab,
  tags: TagsTab,
  mirror: MirrorTab,
  replications: ReplicationsTab,
  webhooks: WebhooksTab,
  access: AccessTab,
  activity: ActivityTab,
  settings: SettingsTab,
}

/** Nothing of one part belongs to the address of another. */
const WITHOUT_PARTS = {
  ...{ q: undefined, sort: undefined, attested: undefined, of: undefined, run: undefined, explain: undefined },
  ...{ webhook: undefined, delivery: undefined, action: undefined, actor: undefined },
}

export function RepositoryPage() {
  const { organization, _splat = '' } = useParams({ from: '/within/o/$organization/repository/$' })
  const name = `${organization}/${_splat}`
  const repository = useRepository(name)
  const mirror = useMirror(name)
  const [{ tab = 'overview' }] = useRepositorySearch()
  // While the repository is still asked for.
  useEffect(() => void PARTS[tab].preload?.(), [tab])
  if (repository.isError) return <Failure error={repository.error} retry={() => void repository.refetch()} />
  if (repository.data) return <Repository key={name} repository={repository.data} mirror={mirror.data} />
  if (repository.data === null) {
    if (mirror.data) return <MirrorAlone name={name} mirror={mirror.data} />
    if (!mirror.isPending) return <AbsentRepository organization={organization} name={name} />
  }
  return (
    <Page title={name}>
      <Rows />
    </Page>
  )
}

function AbsentRepository({ organization, name }: { readonly organization: string; readonly name: string }) {
  const { text } = useSpeech()
  const isOwn = useOrganizations().data?.some((one) => one.name === organization) === true
  return (
    <Absent
      title={text.repositories.absentTitle}
      way={
        isOwn ? (
          <Anchor
            renderRoot={(props) => <Link {...props} to="/o/$organization/repositories" params={{ organization }} />}
          >
            {text.repositories.all}
          </Anchor>
        ) : undefined
      }
    >
      {text.repositories.absent(name)}
    </Absent>
  )
}

function Repository(o: { readonly repository: RepositoryDetail; readonly mirror: Mirror | null | undefined }) {
  const { text } = useSpeech()
  const [{ tab = 'overview' }, change] = useRepositorySearch()
  const { repository, mirror } = o
  const { name } = repository
  const allowed = useAllowed(name)
  // The settings show nothing of it, and a repository that is deleted there breaks its stream off.
  const watched = useProgress(mirror && tab !== 'settings' ? name : undefined)
  const tabs = TABS.filter((one) => isShown(one, allowed, mirror))
  return (
    <Page
      name={name}
      title={
        <Group gap="sm">
          {name}
          <Badge color={repository.visibility === 'public' ? 'orange' : 'gray'} variant="light" tt="none">
            {text.repositories[repository.visibility]}
          </Badge>
          {mirror ? <State state={mirror.state} /> : null}
          {repository.archivedAt === null ? null : <Status tone="held">{text.repositories.archived}</Status>}
        </Group>
      }
      lead={
        tab === 'overview'
          ? undefined
          : saidOf(repository).split('\n', 1)[0] || (mirror ? undefined : text.repositories.noDescription)
      }
    >
      <Tabs
        value={tab}
        onChange={(chosen) => change({ ...WITHOUT_PARTS, tab: chosen as Tab })}
        keepMounted={false}
        activateTabWithKeyboard={false}
      >
        <Tabs.List mb="md">
          {tabs.map((one) => (
            <Tabs.Tab key={one} value={one} onMouseEnter={() => void PARTS[one].preload?.()}>
              {text.repositories.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.includes(tab) ? null : <Hidden tab={tab} isKnown={allowed.size > 0 && mirror !== undefined} />}
        <Suspense fallback={<Rows />}>
          <Tabs.Panel value="overview">
            <OverviewTab repository={repository} mirror={mirror ?? undefined} />
          </Tabs.Panel>
          <Tabs.Panel value="tags">
            <TagsTab name={name} mirror={mirror ?? undefined} />
          </Tabs.Panel>
          {tabs.includes('mirror') ? (
            <Tabs.Panel value="mirror">
              <MirrorTab name={name} repository={repository} mirror={mirror} watched={watched} />
            </Tabs.Panel>
          ) : null}
          {tabs.includes('replications') ? (
            <Tabs.Panel value="replications">
              <ReplicationsTab name={name} />
            </Tabs.Panel>
          ) : null}
          {tabs.includes('webhooks') ? (
            <Tabs.Panel value="webhooks">
              <WebhooksTab name={name} />
            </Tabs.Panel>
          ) : null}
          {tabs.includes('access') ? (
            <Tabs.Panel value="access">
              <AccessTab name={name} />
            </Tabs.Panel>
          ) : null}
          {tabs.includes('activity') ? (
            <Tabs.Panel value="activity">
              <ActivityTab name={name} />
            </Tabs.Panel>
          ) : null}
          {tabs.includes('settings') ? (
            <Tabs.Panel value="settings">
              <SettingsTab repository={repository} mirror={mirror ?? undefined} />
            </Tabs.Panel>
          ) : null}
        </Suspense>
      </Tabs>
    </Page>
  )
}

/** For those who manage mirrors, and may not pull what they bring. */
function MirrorAlone({ name, mirror }: { readonly name: string; readonly mirror: Mirror }) {
  const { text } = useSpeech()
  const watched = useProgress(name)
  return (
    <Page
      name={name}
      title={
        <Group gap="sm">
          {name}
          <State state={mirror.state} />
        </Group>
      }
    >
      <MayNot>{text.repositories.mirrorAlone}</MayNot>
      <Suspense fallback={<Rows />}>
        <MirrorTab name={name} repository={undefined} mirror={mirror} watched={watched} />
      </Suspense>
    </Page>
  )
}

/** An address that somebody else was sent here by. */
function Hidden({ tab, isKnown }: { readonly tab: Tab; readonly isKnown: boolean }) {
  const { text } = useSpeech()
  if (!isKnown) return <Rows count={3} />
  if (tab === 'mirror') return <Empty>{text.mirrors.none}</Empty>
  return <MayNot>{text.repositories.hidden(text.repositories.tabs[tab])}</MayNot>
}
