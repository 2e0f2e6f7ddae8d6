/** What the server says, in Japanese. */
import type { Said } from '../../said.ts'
import { audit } from './audit.ts'
import { codes } from './codes.ts'
import { hints } from './hints.ts'
import { fields, nouns, reasons } from './reasons.ts'
import { defaults, settings } from './settings.ts'

const at = (host: string) => (host === '' ? '相手のサーバー' : host)

const unanswered: Said['unanswered'] = {
  'not-found': (host) => `${at(host)} という名前は存在しません。アドレスを確認してください。`,
  dns: (host) => `${at(host)} の名前を解決できません。アドレスと DNS を確認してください。`,
  refused: (host) => `${at(host)} に接続を拒否されました。アドレスとポートを確認してください。`,
  unreachable: (host) => `${at(host)} までのネットワークにつながりません。`,
  reset: (host) => `${at(host)} との接続が、応答の途中で切れました。`,
  tls: (host) => `${at(host)} と安全に接続できません (TLS)。証明書を確認してください。`,
  timeout: (host) => `${at(host)} から時間内に応答がありません。`,
  other: (host) => `${at(host)} との通信に失敗しました。`,
}

export const said: Said = {
  original: 'サーバーからのメッセージ',
  codes,
  reasons,
  nouns,
  fields,
  hints,
  retryAfter: (time) => `回数が多すぎます。${time}後にやり直してください。`,
  unanswered,
  deliveries: {
    status: '受信側がエラーを返しました。',
    throttled: '受信側が送信の間隔を空けるよう求めています。',
    gone: '受信側が、もう受け取らないと答えました。',
    address: 'この送信先への接続は許可されていません。',
    redirect: '受信側が、送れない別のアドレスを指しました。',
    dns: '送信先の名前を解決できません。',
    refused: '受信側に接続を拒否されました。',
    unreachable: '受信側までのネットワークにつながりません。',
    reset: '応答の途中で接続が切れました。',
    tls: '受信側と安全に接続できません (TLS)。',
    timeout: '受信側から時間内に応答がありません。',
    other: '配信できませんでした。',
    expired: '期限までに配信できませんでした。',
    backlog: '送信待ちが多すぎるため、古いものを取りやめました。',
    superseded: '同じタグの後の更新に置き換わりました。',
    'not-started': '前の Webhook が成功しなかったため、送りませんでした。',
  },
  waits: {
    pending: '順番か、前の Webhook の成功を待っています。',
    delivered: '配信しました。',
    failed: '配信に失敗し、再試行を待っています。',
    dead: '配信を取りやめました。',
  },
  answered: (status) => `受信側が ${status} を返しました。`,
  disabledWebhook:
    '失敗が続いたか、受信側が受け取りをやめたため、無効になりました。受信側を直してから有効にしてください。',
  moves: {
    pushed: 'プッシュ',
    restored: '履歴から復元',
    deleted: '削除',
    mirrored: '更新',
    lost: 'アップストリームからなくなったため削除',
  },
  subscriptions: {
    hand: '手動で一時停止しています。',
    credentials: 'アップストリームがログインを受け付けません。ログイン情報を変更してください。',
    catalog: 'レジストリが一覧を提供していません。対象のリポジトリを名前で指定してください。',
    unreachable: 'カタログを読めませんでした。自動的に再試行します。',
    shrink: 'カタログが急に大きく減りました。確認されるまで、ミラーはそのまま残します。',
    entries: (count) => `${count} 件のリポジトリにミラーがありません。`,
  },
  definitions: 'イメージの定義を読み込めませんでした。',
  kept: '変更禁止か、リポジトリがアーカイブされています。',
  refusals: {
    verified: '署名は正しいが、ルールの条件に合いません',
    unverified: 'トークンを確認できません',
  },
  audit,
  signIn: 'プロバイダーでサインインできませんでした。',
  kinds: { requests: 'リクエスト', pulls: 'プル' },
  upstreamPause: 'レジストリが待つよう求めているか、残り枠がありません。',
  settings,
  defaults,
}
