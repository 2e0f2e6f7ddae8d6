import type { Said } from '../../said.ts'

export const hints: Said['hints'] = {
  as: '英小文字と数字、区切りの . _ - / が使えます。',
  at: '過去の日時を、2026-01-31T12:00:00Z のように指定してください。',
  ca: 'PEM 形式の証明書だけを指定してください。',
  definitions: 'https で始まる .tar または .tar.gz のアドレスを指定してください。',
  email: 'ann@example.com のように入力してください。',
  every: '15m や 6h のように、数字と単位で指定してください。',
  expires: '90d のような日数か、無期限を指定してください。',
  grace: '7d のように、数字と単位で指定してください。',
  immutableTags: '正規表現で指定してください。',
  issuer: 'https で始まるアドレスを指定してください。',
  maxRate: '10/s、100/h、50MB/s のように指定してください。',
  name: '英小文字と数字、その間に . _ - が使えます。',
  prefix: 'dhi- のような、英小文字の名前の先頭を指定してください。',
  q: 'pkg:deb/debian/openssl のようなパッケージの URL を指定してください。',
  quotaBytes: '0 以上の数を指定してください。',
  repositories: 'dhi-* のような名前かグロブを指定してください。',
  tags: '3.* や !*-dev のようなグロブを指定してください。',
  url: 'https:// とホスト名で始まるアドレスを指定してください。',
  username: '英小文字と数字、その間に . _ - を 64 文字まで使えます。',
}
