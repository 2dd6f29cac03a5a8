-- Argo CD's health of an ExperimentRun: it knows none for kinds that are not its own.
-- In the ConfigMap argocd-cm, under resource.customizations.health.experiments.appconfig.dev_ExperimentRun: | this file.

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is_true(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

local function health(name, condition)
  local message = ""
  if condition ~= nil then
    message = (condition.reason or "") .. ": " .. (condition.message or "")
  end
  return { status = name, message = message }
end

if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen this generation yet" }
end
if is_true("Reconciling") then
  return health("Progressing", conditions.Reconciling)
end
if is_true("Stalled") then
  if conditions.Stalled.reason == "Suspended" then
    return health("Suspended", conditions.Stalled)
  end
  return health("Degraded", conditions.Stalled)
end
if is_true("Ready") then
  return health("Healthy", conditions.Ready)
end
return health("Progressing", conditions.Ready)
