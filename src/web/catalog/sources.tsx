/** Where the catalog comes from, when it was read, and what is wrong with it; and the way to what it does not list. */
import { Alert, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { AlertIcon, SyncIcon } from '@primer/octicons-react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { type Catalog, refreshCatalog } from '../api/catalog.ts'
import { useChange } from '../api/client.ts'
import { useRole } from '../api/organizations.ts'
import { ApiError } from '../api/request.ts'
import { Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

interface Shown {
  readonly catalogs: readonly Catalog[]
  readonly organization: string
}

/** More than a line of them tells nobody anything. */
const MAX_WELL = 3

function troubleOf({ state, error }: Catalog): string | undefined {
  return state?.problem?.message ?? state?.definitions?.problem ?? (error instanceof Error ? error.message : undefined)
}

/** When those were read with which all is well. */
export function Sources({ catalogs, organization }: Shown) {
  const { text } = useSpeech()
  const well = catalogs.filter((catalog) => troubleOf(catalog) === undefined)
  if (well.length > MAX_WELL) return null
  return (
    <Group gap="xs">
      {well.map(({ upstream, state }) => (
        <Group key={upstream} gap={4}>
          <Text size="xs" c="dimmed">
            {upstream}:{' '}
            {state?.readAt == null ? (
              text.catalog.reading
            ) : (
              <>
                {text.catalog.readAt} <Time at={state.readAt} />
              </>
            )}
          </Text>
          <Refresh upstream={upstream} organization={organization} isBusy={state?.refreshing === true} />
        </Group>
      ))}
    </Group>
  )
}

/** What is wrong with the others, and what can be done. */
export function Troubles({ catalogs, organization }: Shown) {
  return catalogs.map((catalog) => <Trouble key={catalog.upstream} catalog={catalog} organization={organization} />)
}

function Trouble({ catalog, organization }: { readonly catalog: Catalog; readonly organization: string }) {
  const { text } = useSpeech()
  const { upstream, state, error } = catalog
  const trouble = troubleOf(catalog)
  if (trouble === undefined) return null
  return (
    <Alert color="orange" variant="light" icon={<AlertIcon />} title={text.catalog.trouble(upstream)} role="status">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{trouble}</Text>
        {state?.problem && state.readAt !== null ? (
          <Text size="sm">
            {text.catalog.keptSince} <Time at={state.readAt} />
          </Text>
        ) : null}
        {error instanceof ApiError && error.code === 'UPSTREAM_UNSUPPORTED' ? (
          <Text size="sm">{text.catalog.unlisted}</Text>
        ) : null}
        <Refresh upstream={upstream} organization={organization} isBusy={state?.refreshing === true} />
      </Stack>
    </Alert>
  )
}

/** For those whose word has it read. */
function Refresh(o: { readonly upstream: string; readonly organization: string; readonly isBusy: boolean }) {
  const { text } = useSpeech()
  const refresh = useChange(() => refreshCatalog(o.organization, o.upstream))
  const role = useRole(o.organization)
  if (role !== 'owner' && role !== 'editor') return null
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      leftSection={<SyncIcon size={12} aria-hidden="true" />}
      loading={refresh.isPending || o.isBusy}
      onClick={() => refresh.mutate(undefined)}
      aria-label={text.catalog.refreshOne(o.upstream)}
    >
      {text.catalog.refresh}
    </Button>
  )
}

const EXAMPLE = 'library/alpine'

/** Whatever a catalog lists, any repository can be mirrored by its name. */
export function ByName({
  upstreams,
  organization,
}: {
  readonly upstreams: readonly string[]
  readonly organization: string
}) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const [chosen, setChosen] = useState<string>()
  const [name, setName] = useState('')
  const upstream = chosen ?? upstreams[0] ?? ''
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const _splat = name.trim().replace(/^\/+|\/+$/g, '')
    if (_splat !== '')
      void navigate({ to: '/o/$organization/catalog/$upstream/$', params: { organization, upstream, _splat } })
  }
  return (
    <Section title={text.catalog.byName} lead={text.catalog.byNameLead}>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <Select
            label={text.catalog.upstream}
            data={[...upstreams]}
            value={upstream}
            onChange={(one) => setChosen(one ?? undefined)}
            allowDeselect={false}
            w={170}
          />
          <TextInput
            label={text.catalog.repository}
            placeholder={EXAMPLE}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            required
            flex={1}
            miw={200}
          />
          <Button type="submit" variant="default">
            {text.catalog.open}
          </Button>
        </Group>
      </form>
    </Section>
  )
}
