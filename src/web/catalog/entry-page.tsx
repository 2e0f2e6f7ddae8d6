/** One entry of the catalog: what it is, where it comes from, who mirrors it, and the button that mirrors it or leads to it. */
import { Anchor, Group, Skeleton, Stack, Tabs, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense } from 'react'
import type { CatalogDetail } from '../../api/catalog.ts'
import { useCatalogEntry } from '../api/catalog.ts'
import { Facts } from '../shell/facts.tsx'
import { Empty, Failure, Page, Rows } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { ComplianceBadges, dayText, KindBadge, SupportBadge } from './badges.tsx'
import { ENTRY_TABS, type EntryTab } from './entry-search.ts'
import { Logo } from './logo.tsx'
import { MirrorButton } from './mirror-button.tsx'
import { StartDialog } from './start-dialog.tsx'
import { VariantsTable } from './variants-table.tsx'

/** What reads Markdown is worth a file of its own. */
const WrittenByOthers = lazy(() => import('./markdown.tsx').then((file) => ({ default: file.WrittenByOthers })))

export function EntryPage() {
  const { text } = useSpeech()
  const {
    organization,
    upstream,
    _splat: repository = '',
  } = useParams({ from: '/within/o/$organization/catalog/$upstream/$' })
  const shown = useCatalogEntry(organization, upstream, repository)
  const [isOpen, dialog] = useDisclosure()
  const entry = shown.data
  const mirrors = entry?.mirrors ?? []
  const name = entry?.title ?? repository
  const logo = entry ?? { upstream, repository, title: null, logo: null }
  return (
    <Page
      title={
        <Group gap="sm" wrap="nowrap" component="span">
          <Logo organization={organization} entry={logo} size={44} key={logo.logo} />
          {name}
        </Group>
      }
      name={name}
      lead={entry?.description ?? `${upstream}/${repository}`}
      action={<MirrorButton mirrors={mirrors} organization={organization} onMirror={dialog.open} />}
    >
      {shown.isError ? <Failure error={shown.error} retry={() => void shown.refetch()} /> : null}
      {shown.isLoading ? <Rows count={3} /> : null}
      {entry === null ? (
        <Stack align="flex-start">
          <Text>{text.entry.unknown}</Text>
          <Anchor renderRoot={(props) => <Link {...props} to="/o/$organization/catalog" params={{ organization }} />}>
            {text.shell.catalog}
          </Anchor>
        </Stack>
      ) : null}
      {entry ? <Described entry={entry} /> : null}
      {isOpen ? (
        <StartDialog upstream={upstream} repository={repository} organization={organization} onClose={dialog.close} />
      ) : null}
    </Page>
  )
}

function Described({ entry }: { readonly entry: CatalogDetail }) {
  const { text, language } = useSpeech()
  const { facts } = text.entry
  const categories: Readonly<Record<string, string>> = text.catalog.categories
  const shown: (readonly [string, ReactNode] | undefined)[] = [
    [facts.source, <code key="source">{`${entry.upstream}/${entry.repository}`}</code>],
    entry.kind === null ? undefined : [text.catalog.columns.kind, <KindBadge key="kind" kind={entry.kind} />],
    entry.categories.length === 0
      ? undefined
      : [text.catalog.category, entry.categories.map((one) => categories[one] ?? one).join(', ')],
    entry.compliance.length === 0
      ? undefined
      : [
          text.catalog.columns.compliance,
          <Group key="compliance" gap={4}>
            <ComplianceBadges compliance={entry.compliance} />
          </Group>,
        ],
    entry.support === null
      ? undefined
      : [
          text.catalog.columns.support,
          <SupportBadge key="support" isShort support={entry.support} until={entry.supportedUntil} />,
        ],
    entry.distributions.length === 0 ? undefined : [text.catalog.columns.distributions, entry.distributions.join(', ')],
    entry.updatedAt === null ? undefined : [text.catalog.columns.updated, dayText(entry.updatedAt, language)],
    entry.homeUrl === null
      ? undefined
      : [
          facts.home,
          <Anchor key="home" href={entry.homeUrl} target="_blank" rel="noopener noreferrer nofollow" size="sm">
            {new URL(entry.homeUrl).host}
          </Anchor>,
        ],
    entry.tools.length === 0 ? undefined : [facts.tools, entry.tools.map(({ name }) => name).join(', ')],
    entry.alternatives.length === 0 ? undefined : [facts.alternatives, entry.alternatives.join(', ')],
  ]
  return (
    <>
      <Facts facts={shown.filter((one) => one !== undefined)} cols={{ base: 2, md: 3, xl: 4 }} />
      <Section title={text.entry.mirroredInto}>
        {entry.mirrors.length === 0 ? <Text c="dimmed">{text.entry.notYet}</Text> : null}
        {entry.mirrors.map((name) => (
          <RepositoryLink key={name} name={name} />
        ))}
      </Section>
      <Parts entry={entry} />
    </>
  )
}

function Parts({ entry }: { readonly entry: CatalogDetail }) {
  const { text } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/catalog/$upstream/$' })
  const search = useSearch({ from: '/within/o/$organization/catalog/$upstream/$' })
  const navigate = useNavigate({ from: '/o/$organization/catalog/$upstream/$' })
  const { overview, guides, variants } = entry
  const isThere = { overview: overview !== null, guides: guides !== null, variants: variants.length > 0 }
  const there = ENTRY_TABS.filter((tab) => isThere[tab])
  const [first] = there
  if (first === undefined) return <Empty>{text.entry.undescribed}</Empty>
  const value = there.find((tab) => tab === search.tab) ?? first
  const choose = (tab: string | null) =>
    void navigate({ search: { tab: tab as EntryTab }, replace: true, resetScroll: false })
  return (
    <Tabs value={value} onChange={choose} keepMounted={false}>
      <Tabs.List>
        {there.map((tab) => (
          <Tabs.Tab key={tab} value={tab}>
            {text.entry.tabs[tab]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={value} pt="md">
        {value === 'variants' ? (
          <VariantsTable variants={variants} organization={organization} />
        ) : (
          <Written text={(value === 'overview' ? overview : guides) ?? ''} />
        )}
      </Tabs.Panel>
    </Tabs>
  )
}

function Written({ text }: { readonly text: string }) {
  return (
    <Suspense fallback={<Lines />}>
      <WrittenByOthers text={text} />
    </Suspense>
  )
}

function Lines() {
  return (
    <Stack gap="xs">
      {['60%', '95%', '90%', '70%'].map((width) => (
        <Skeleton key={width} height={14} width={width} />
      ))}
    </Stack>
  )
}
