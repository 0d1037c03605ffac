#!/bin/sh
# Signs dist/Earshot.app and packs it into dist/Earshot-VERSION.dmg, after `make app`, on a Mac: sh packaging/release.sh
#
# With EARSHOT_IDENTITY (a Developer ID Application identity) and EARSHOT_NOTARY (a notarytool keychain profile) the result
# is for everybody. Without them it is signed ad hoc: others have to allow it in their settings before it starts.
# EARSHOT_NO_GPU=1 lets the self-test compute on the CPU, for machines without a GPU.
set -eu
cd "$(dirname "$0")/.."
app=dist/Earshot.app
identity=${EARSHOT_IDENTITY:--}
python=build/app-environment/bin/python
version=$("$python" -c 'import sys; sys.path.insert(0, "packaging"); import info_plist; print(info_plist.version())')
dmg=dist/Earshot-$version.dmg
work=$(mktemp -d)
mounted=""

clean_up() {
    [ -z "$mounted" ] || hdiutil detach -quiet "$mounted" || hdiutil detach -force -quiet "$mounted" || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

die() {
    echo "$1" >&2
    exit 1
}

self_test() {
    # Nothing of this shell's environment, as when it is opened from the Dock.
    env -i HOME="$HOME" PATH=/usr/bin:/bin:/usr/sbin:/sbin \
        "$1/Contents/MacOS/Earshot" --self-test ${EARSHOT_NO_GPU:+--no-gpu}
}

sign() {
    if [ "$identity" = - ]; then
        codesign --force --sign - --options runtime "$@"
    else
        codesign --force --sign "$identity" --options runtime --timestamp "$@"
    fi
}

# notarytool exits 0 when the answer is "Invalid": only the status counts, and the log says why.
notarise() {
    xcrun notarytool submit "$1" --keychain-profile "$EARSHOT_NOTARY" --wait --output-format json >"$work/answer.json"
    id=$(plutil -extract id raw -o - "$work/answer.json")
    status=$(plutil -extract status raw -o - "$work/answer.json")
    if [ "$status" != Accepted ]; then
        xcrun notarytool log "$id" --keychain-profile "$EARSHOT_NOTARY" >&2 || true
        die "Apple's answer to $1 is \"$status\": the log above says why."
    fi
}

[ -d "$app" ] || die "There is no $app: make it first, by \`make app\`."
if [ "$identity" != - ]; then
    [ -n "${EARSHOT_NOTARY:-}" ] || die "Name the notarytool profile in EARSHOT_NOTARY."
    identifier=$(plutil -extract CFBundleIdentifier raw -o - "$app/Contents/Info.plist")
    case $identifier in local.*) die "$identifier is nobody's: build with EARSHOT_IDENTIFIER set to one of yours." ;; esac
    entitlements=packaging/entitlements.plist
else
    entitlements=packaging/entitlements-ad-hoc.plist
fi

self_test "$app"

# Inside out: libraries, then frameworks, then the app. Never --deep: it signs in the wrong order and drops entitlements.
find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' \) | while IFS= read -r library; do sign "$library"; done
find "$app/Contents" -type d -name '*.framework' -prune | while IFS= read -r framework; do sign "$framework"; done
sign --entitlements "$entitlements" "$app"
codesign --verify --deep --strict --verbose=2 "$app"
"$python" packaging/audit.py "$app" # also that the signature grants what it should and nothing else
self_test "$app"

if [ "$identity" != - ]; then
    # ditto keeps the symbolic links that zip and cp -L break.
    ditto -c -k --keepParent "$app" "$work/Earshot.zip"
    notarise "$work/Earshot.zip"
    xcrun stapler staple "$app"
    spctl --assess --type execute --verbose=2 "$app"
fi

mkdir "$work/dmg"
ditto "$app" "$work/dmg/Earshot.app"
ln -s /Applications "$work/dmg/Applications"
"$python" packaging/quick_action.py "$work/dmg"
rm -f "$dmg"
hdiutil create -quiet -volname Earshot -srcfolder "$work/dmg" -format UDZO "$dmg"
if [ "$identity" != - ]; then
    codesign --timestamp --sign "$identity" "$dmg"
    notarise "$dmg"
    xcrun stapler staple "$dmg"
    spctl --assess --type open --context context:primary-signature --verbose=2 "$dmg"
fi

mounted=$work/mounted
mkdir "$mounted"
hdiutil attach -quiet -nobrowse -readonly -mountpoint "$mounted" "$dmg"
self_test "$mounted/Earshot.app"
"$python" packaging/release_files.py "$dmg"
echo "Made $dmg and what goes with it, in dist/."
