#!/bin/sh
# Creates the run that the samples name, in an emulator that was started without --require-signature:
# application shop, definition add-to-cart, run 1 at 0 %. These are AppConfig's own requests, in the order that it needs.
#
#   tests/emulator/create-run.sh http://127.0.0.1:8081
set -eu
endpoint=$1

post() {
  curl --silent --show-error --fail-with-body "$endpoint$1" --data "$2"
  echo
}

post /applications '{"Name": "shop"}'
post /applications/shop/environments '{"Name": "production"}'
post /applications/shop/configurationprofiles \
  '{"Name": "features", "LocationUri": "hosted", "Type": "AWS.AppConfig.FeatureFlags"}'
post /applications/shop/experimentdefinitions '{
  "Name": "add-to-cart",
  "EnvironmentIdentifier": "production",
  "ConfigurationProfileIdentifier": "features",
  "FlagKey": "cart",
  "AudienceRule": "(eq $country \"NL\")",
  "Control": {"Weight": 50, "FlagValue": {"Enabled": false}},
  "Treatments": [{"Weight": 50, "FlagValue": {"Enabled": true}}]
}'
post /applications/shop/experimentdefinitions/add-to-cart/experimentruns '{"ExposurePercentage": 0}'
