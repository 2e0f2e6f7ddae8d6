/** Every word of the page, in Japanese. */
import type { Text } from '../en/index.ts'
import { access } from './access.ts'
import { activity } from './activity.ts'
import { audit } from './audit.ts'
import { catalog } from './catalog.ts'
import { deletion } from './deletion.ts'
import { device } from './device.ts'
import { entry } from './entry.ts'
import { common } from './everywhere.ts'
import { explain } from './explain.ts'
import { find } from './find.ts'
import { history } from './history.ts'
import { home } from './home.ts'
import { identity } from './identity.ts'
import { images } from './images.ts'
import { immutable } from './immutable.ts'
import { invitation } from './invitation.ts'
import { invitations } from './invitations.ts'
import { mirrors } from './mirrors.ts'
import { operator } from './operator.ts'
import { organization } from './organization.ts'
import { organizationTokens } from './organization-tokens.ts'
import { overview } from './overview.ts'
import { palette } from './palette.ts'
import { people } from './people.ts'
import { profile } from './profile.ts'
import { progress } from './progress.ts'
import { replications } from './replications.ts'
import { repositories } from './repositories.ts'
import { runs } from './runs.ts'
import { selection } from './selection.ts'
import { settings } from './settings.ts'
import { enter, setup } from './setup.ts'
import { shell } from './shell.ts'
import { signIn } from './sign-in.ts'
import { start } from './start.ts'
import { states } from './states.ts'
import { subscriptions } from './subscriptions.ts'
import { tags } from './tags.ts'
import { teams } from './teams.ts'
import { upstreams } from './upstreams.ts'
import { webhooks } from './webhooks.ts'
import { whims } from './whims.ts'

export const ja: Text = {
  common,
  signIn,
  setup,
  enter,
  device,
  invitation,
  shell,
  profile,
  home,
  palette,
  people,
  teams,
  invitations,
  organization,
  organizationTokens,
  upstreams,
  subscriptions,
  identity,
  audit,
  operator,
  catalog,
  entry,
  start,
  progress,
  states,
  mirrors,
  replications,
  repositories,
  tags,
  images,
  find,
  webhooks,
  settings,
  access,
  activity,
  deletion,
  explain,
  history,
  immutable,
  overview,
  runs,
  selection,
  whims,
}
export { said } from './said/index.ts'
