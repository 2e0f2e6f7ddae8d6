/** Over a whole organization: which tags hold a package, and which have a vulnerability. */
import { Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { SearchIcon } from '@primer/octicons-react'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import type { FoundPackage, FoundVulnerability } from '../../api/image-search.ts'
import { useFound } from '../api/images.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Page, Rows } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { useSpeech } from '../text/language.tsx'
import { groupFound } from './group-found.ts'
import { ImageLink } from './image-link.tsx'
import { type ImageSearch, isVulnerability } from './image-search.ts'
import { SeverityBadge, VexBadge } from './severity.tsx'

const ROUTE = '/within/o/$organization/search'
const PAUSE_MS = 300

export function FindPage() {
  const { text } = useSpeech()
  const words = text.find
  const { organization } = useParams({ from: ROUTE })
  const { q = '' } = useSearch({ from: ROUTE })
  const navigate = useNavigate({ from: '/o/$organization/search' })
  const [typed, setTyped] = useState(q)
  /** What this field wrote into the address and has not come back yet; all else there comes from a link or the back button, and wins. */
  const own = useRef(new Set<string>())
  const write = useDebouncedCallback((wanted: string) => {
    if (wanted === q) return
    own.current.add(wanted)
    void navigate({ search: wanted === '' ? {} : { q: wanted }, replace: true })
  }, PAUSE_MS)
  useEffect(() => {
    if (own.current.delete(q)) return
    own.current.clear()
    write.cancel()
    setTyped(q)
  }, [q, write])
  return (
    <Page title={words.title} lead={words.lead}>
      <TextInput
        type="search"
        size="md"
        maw={560}
        aria-label={words.what}
        placeholder={words.example}
        leftSection={<SearchIcon aria-hidden="true" />}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value)
          write(event.currentTarget.value.trim())
        }}
      />
      {q === '' ? (
        <Empty>{words.hint}</Empty>
      ) : isVulnerability(q) ? (
        <Vulnerabilities organization={organization} q={q} />
      ) : (
        <Packages organization={organization} q={q} />
      )}
    </Page>
  )
}

interface Asked {
  readonly organization: string
  readonly q: string
}

function Packages({ organization, q }: Asked) {
  const { text } = useSpeech()
  const found = useFound(organization, 'packages', q)
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Rows />
  const { items, isWhole } = found.data
  if (items.length === 0) return <Empty>{text.find.noPackage(q)}</Empty>
  const groups = groupFound(items, (one) => `${one.type} ${one.name} ${one.version}`)
  const search = (one: FoundPackage) => ({ section: 'packages', platform: one.platform, q: one.name }) as const
  return (
    <Stack gap="xs">
      <Count count={groups.length} isWhole={isWhole} />
      <LongTable
        items={groups}
        keyOf={({ key }) => key}
        phonePx={350}
        head={
          <Heads
            heads={[
              text.images.package,
              text.images.version,
              text.find.repository,
              text.images.tags,
              text.images.platform,
            ]}
          />
        }
        row={({ one, platforms }) => (
          <>
            <Table.Td fw={500} title={one.purl ?? undefined}>
              {one.name}{' '}
              <Text span size="xs" c="dimmed">
                {one.source === null ? one.type : `${one.type} · ${one.source}`}
              </Text>
            </Table.Td>
            <Table.Td ff="monospace" fz="sm">
              {one.version}
            </Table.Td>
            <Where one={one} platforms={platforms} search={search(one)} />
          </>
        )}
      />
      <Text size="sm" c="dimmed">
        {text.find.packageHint}
      </Text>
    </Stack>
  )
}

function Vulnerabilities({ organization, q }: Asked) {
  const { text } = useSpeech()
  const found = useFound(organization, 'vulnerabilities', q)
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Rows />
  const { items, isWhole } = found.data
  if (items.length === 0) return <Empty>{text.find.noVulnerability(q)}</Empty>
  const groups = groupFound(items, (one) => `${one.id} ${one.package} ${one.version} ${one.status} ${one.severity}`)
  return (
    <Stack gap="xs">
      <Count count={groups.length} isWhole={isWhole} />
      <LongTable
        items={groups}
        keyOf={({ key }) => key}
        phonePx={350}
        head={
          <Heads
            heads={[
              text.images.severity,
              text.images.package,
              text.images.vex,
              text.find.repository,
              text.images.tags,
              text.images.platform,
            ]}
          />
        }
        row={({ one, platforms }) => (
          <>
            <Table.Td>
              <SeverityBadge severity={one.severity} />
            </Table.Td>
            <Table.Td>
              {one.package}{' '}
              <Text span size="xs" c="dimmed" ff="monospace">
                {one.version ?? ''}
              </Text>
            </Table.Td>
            <Table.Td>
              <VexBadge status={one.status} />
            </Table.Td>
            <Where
              one={one}
              platforms={platforms}
              search={{ section: 'vulnerabilities', platform: one.platform, q: one.id }}
            />
          </>
        )}
      />
    </Stack>
  )
}

function Heads({ heads }: { readonly heads: readonly string[] }) {
  // The last one, the platform, is told by the page of the image too.
  return heads.map((head, i) => (
    <Table.Th key={head} {...(i === heads.length - 1 ? { visibleFrom: 'sm' as const } : {})}>
      {head}
    </Table.Th>
  ))
}

function Count({ count, isWhole }: { readonly count: number; readonly isWhole: boolean }) {
  const { text, language } = useSpeech()
  return (
    <Text size="sm" c="dimmed" role="status">
      {isWhole ? text.find.count(number(count, language)) : text.common.incomplete(number(count, language))}
    </Text>
  )
}

function Where(o: {
  readonly one: FoundPackage | FoundVulnerability
  readonly platforms: readonly string[]
  readonly search: ImageSearch
}) {
  const { repository, tags, digest } = o.one
  const [first = digest] = tags
  return (
    <>
      <Table.Td>
        <RepositoryLink name={repository} isShort />
      </Table.Td>
      <Table.Td>
        <Group gap={4}>
          {(tags.length === 0 ? [digest] : tags.slice(0, 4)).map((tag) => (
            <span key={tag} className="chip">
              <ImageLink repository={repository} reference={tag} search={o.search} />
            </span>
          ))}
          {tags.length > 4 ? (
            <Text span size="xs" c="dimmed">
              +{tags.length - 4}
            </Text>
          ) : null}
        </Group>
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Group gap={4}>
          {o.platforms.map((platform) => (
            <span key={platform} className="chip">
              <ImageLink repository={repository} reference={first} search={{ ...o.search, platform }}>
                {platform}
              </ImageLink>
            </span>
          ))}
        </Group>
      </Table.Td>
    </>
  )
}
